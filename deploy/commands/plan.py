"""`tickloom plan`: the state of a job, and what an upgrade would make of it."""

import json
from pathlib import Path

import click

from deploy import jobs, releases
from deploy.errors import UserError
from deploy.options import load, settings_options
from deploy.state_text import tell
from jobs.plans import Difference, Operator, difference

_job = click.argument("job", type=click.Choice(jobs.NAMES))
_cluster = click.option("--cluster", help="Flink's REST address, host:port.  [default: the running stack]")
_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def plan() -> None:
    """What a job keeps in its state, and what becomes of it in another version. No job is changed.

    \b
      tickloom plan check candles --resolutions 1s,1m,1h     beside the version that runs
      tickloom plan print candles > next.json
      tickloom plan diff deploy/plans/candles/0.1.0.json next.json
    """


@plan.command()
@_job
@_cluster
@settings_options
def check(job: str, cluster: str | None, **flags: str | None) -> None:
    """Tell what an upgrade with this code and these settings would make of the state of the JOB that runs."""
    address = cluster or jobs.cluster_address()
    settings = load(flags)
    before = releases.running(job, address, settings.transactional_id_prefix)
    with releases.prepared(job, settings, address) as successor:
        _judge(successor.compared(before))


@plan.command("print")
@_job
@_cluster
@settings_options
def print_(job: str, cluster: str | None, **flags: str | None) -> None:
    """Print the operators with state that JOB has with this code and these settings, as JSON.

    Topics that the job needs are created when they are missing, as its planner looks at them.
    """
    with releases.prepared(job, load(flags), cluster or jobs.cluster_address()) as planned:
        click.echo(json.dumps([each.to_dict() for each in planned.release.operators], indent=1))


@plan.command()
@click.argument("old", type=_file)
@click.argument("new", type=_file)
def diff(old: Path, new: Path) -> None:
    """Tell which state a job with the plan NEW would find of one with the plan OLD: files of `tickloom plan print`."""
    _judge(difference(_read(old), _read(new)))


def _judge(found: Difference) -> None:
    tell(found)
    if found.refused:
        raise UserError(f"an upgrade would be refused: {'; '.join(found.refused)}")


def _read(file: Path) -> list[Operator]:
    try:
        return [Operator.from_dict(each) for each in json.loads(file.read_text())]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} is no plan as `tickloom plan print` writes it: {error!r}") from error
