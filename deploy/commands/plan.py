"""`tickloom plan`: what an upgrade would make of the state of a job."""

import click

from deploy import jobs, releases
from deploy.errors import UserError
from deploy.options import load, settings_options
from deploy.state_text import tell


@click.command()
@click.argument("job", type=click.Choice(jobs.NAMES))
@click.option("--cluster", help="Flink's REST address, host:port.  [default: the running stack]")
@settings_options
def plan(job: str, cluster: str | None, **flags: str | None) -> None:
    """Tell what an upgrade with this code and these settings would make of the state of JOB. Nothing is changed."""
    address = cluster or jobs.cluster_address()
    settings = load(flags)
    before = releases.running(job, address, settings.transactional_id_prefix)
    with releases.prepared(job, settings, address) as successor:
        found = successor.compared(before)
    tell(found)
    if found.refused:
        raise UserError(f"an upgrade would be refused: {'; '.join(found.refused)}")
