"""What becomes of the state of a job, in lines of text."""

import click

from jobs.plans import Difference


def tell(found: Difference) -> None:
    """Print a line an operator."""
    for role in found.kept:
        click.echo(f"  keeps    {role}")
    for role in found.new:
        click.echo(f"  new      {role}" + ("; its first window begins in the middle" if role.startswith("t") else ""))
    for role in found.dropped:
        click.echo(f"  drops    {role}")
