"""`tickloom down`: stop the local stack."""

import click

from deploy import paths
from deploy.stack import lifecycle


@click.command()
@click.option("--wipe", is_flag=True, help="Also remove topics, schemas, checkpoints and logs.")
def down(wipe: bool) -> None:
    """Stop the local stack, in order; topics and schemas are kept for the next `tickloom up`.

    Jobs end with it: `tickloom stop JOB` before keeps what `tickloom submit JOB --from PATH` goes on with.
    """
    if not lifecycle.stop(lambda part: click.echo(f"  {part} stopped")):
        click.echo("nothing is running")
    if wipe:
        lifecycle.wipe()
        click.echo(f"removed the data under {paths.STACK}")
