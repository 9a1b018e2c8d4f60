"""`tickloom savepoints`: those that a cluster remembers of a job."""

import click

from deploy import jobs
from deploy import savepoints as of_jobs
from deploy.options import deployment_option


@click.command()
@click.argument("job", type=click.Choice(jobs.NAMES))
@click.option("--cluster", help="Flink's REST address, host:port.  [default: the running stack]")
@deployment_option
def savepoints(job: str, cluster: str | None, prefix: str | None) -> None:
    """List the savepoints of JOB, latest first.

    A cluster remembers those of its recent jobs until it is restarted; the files stay until somebody deletes them.
    """
    found = of_jobs.listed(job, cluster or jobs.cluster_address(), prefix)
    if not found:
        click.echo(f"no savepoint of {job} is remembered; `tickloom stop {job}` makes one")
        return
    click.echo("taken (UTC)          state, kB  path")
    for each in found:
        click.echo(f"{each.at:%Y-%m-%d %H:%M:%S}  {each.size / 1_000:>9,.0f}  {each.path}")
