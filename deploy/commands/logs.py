"""`tickloom logs`: what the parts of the local stack say."""

import os

import click

from deploy import paths
from deploy.errors import UserError
from deploy.stack.state import PARTS


@click.command()
@click.argument("part", required=False, type=click.Choice((*PARTS, "supervisord")))
@click.option("--follow", "-f", is_flag=True, help="Go on as lines are written, until Ctrl-C.")
@click.option("--lines", "-n", type=click.IntRange(min=0), default=50, show_default=True, help="Of each log.")
def logs(part: str | None, follow: bool, lines: int) -> None:
    """Show the end of the log of PART, or of every part. The logs outlive the stack."""
    files = [paths.STACK / "logs" / f"{name}.log" for name in ([part] if part else PARTS)]
    written = [str(file) for file in files if file.exists()]
    if not written:
        raise UserError(f"there is no log under {paths.STACK / 'logs'}: `tickloom up` starts the stack")
    options = ["-n", str(lines), *(["-F"] if follow else [])]  # -F follows across rotation
    os.execvp("tail", ["tail", *options, *written])
