"""What can go wrong and be mended by the user: one line, with the place and the remedy."""


class UserError(Exception):
    """Shown as one line, without a stack trace."""
