"""`tickloom upgrade`: another version of a job goes on."""

import click

from deploy import jobs
from deploy.options import load, settings_options
from deploy.state_text import tell
from deploy.upgrade import upgrade as run_upgrade
from schemas.exact import floor_instant


@click.command()
@click.argument("job", type=click.Choice(jobs.NAMES))
@click.option("--cluster", help="Flink's REST address, host:port.  [default: the running stack]")
@settings_options
def upgrade(job: str, cluster: str | None, **flags: str | None) -> None:
    """Let JOB go on as this code and these settings make it, with the state of the one that runs.

    Everything slow is done before the old version stops. When the new one does not come to a checkpoint, the old one
    goes on from the same state.

    \b
      tickloom plan check candles --resolutions 1s,1m,1h    what would become of the state
      tickloom upgrade candles --resolutions 1s,1m,1h
      tickloom rollback candles
    """
    done = run_upgrade(job, load(flags), cluster or jobs.cluster_address(), click.echo, tell)
    click.echo(f"{job} runs as {done.job_id}; for {done.stopped_s:.1f} s it did not")
    if done.pause_s is None:
        click.echo("no candle was committed meanwhile: there is no pause to measure")
    else:
        click.echo(f"a reader of committed candles waited for {done.pause_s:.1f} s at most")
    if done.windows:
        since, until = (floor_instant(each).isoformat() for each in done.windows)
        click.echo(f"whether a trade is missing or came twice: tickloom audit --from {since} --to {until}")
