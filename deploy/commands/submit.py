"""`tickloom submit`: a job onto the running cluster."""

import click

from deploy import jars, jobs
from deploy.options import load, settings_options


@click.command()
@click.argument("job", type=click.Choice(jobs.NAMES))
@click.option("--cluster", help="Flink's REST address, host:port.  [default: the running stack]")
@click.option("--from", "savepoint", metavar="PATH", help="Go on from this savepoint, as `tickloom stop` told it.")
@settings_options
def submit(job: str, cluster: str | None, savepoint: str | None, **flags: str | None) -> None:
    """Register the schemas, create missing topics and start JOB on the cluster.

    \b
      tickloom submit candles
      tickloom submit candles --resolutions 1s,1m,1h --out-of-orderness 5s
    """
    settings = load(flags)
    if job in jars.ON_DEMAND:
        from deploy import downloads  # slow to import, and most jobs have all they need

        downloads.fetch([job])
    address = cluster or jobs.cluster_address()
    click.echo(f"submitting {job} to {address}" + (f" from {savepoint}" if savepoint else ""))
    job_id = jobs.submit(job, settings, address, savepoint)
    click.echo(f"running as {job_id}: {jobs.page(job_id, address)}")
