"""`tickloom stop`: end a job so that it can go on later."""

import click

from deploy import jobs, savepoints
from deploy.errors import UserError
from deploy.options import deployment_option


@click.command()
@click.argument("job", type=click.Choice(jobs.NAMES))
@click.option("--drain", is_flag=True, help="Close every open window first: for a job that is not to go on.")
@click.option("--cluster", help="Flink's REST address, host:port.  [default: the running stack]")
@deployment_option
def stop(job: str, drain: bool, cluster: str | None, prefix: str | None) -> None:
    """Stop JOB with a savepoint: everything it has read is committed or in its state.

    \b
      tickloom stop candles
      tickloom submit candles --from PATH    goes on where it stopped
    """
    stopped = savepoints.stop(job, cluster or jobs.cluster_address(), prefix, drain=drain)
    if not stopped.is_committed:
        raise UserError(
            f"{job} failed after its savepoint: what it wrote last is in transactions of it. To commit them, before "
            f"they time out: `tickloom submit {job} --from {stopped.path}`"
        )
    click.echo(f"{job} has stopped; its state is in\n{stopped.path}")
