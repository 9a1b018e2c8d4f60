"""`tickloom status`: what the local stack and its jobs are doing."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import click

from deploy.errors import UserError
from deploy.job_status import JobStatus, job_statuses
from deploy.stack import running
from deploy.stack.status import PartStatus
from deploy.stack.status import status as status_of

COLOURS = {
    "healthy": "green",
    "RUNNING": "green",
    "down": "red",
    "gave up": "red",
    "crash loop": "red",
    "FAILED": "red",
}


@click.command()
def status() -> None:
    """Show each part of the local stack and each job on its cluster.

    A part that has ended by itself is shown with how it did, a job that has failed with the root cause. Ends with exit
    code 1 unless every part is healthy.
    """
    stack = running()
    if not stack:
        click.echo("the stack is not running: `tickloom up` starts it")
        sys.exit(1)
    parts = status_of(stack)
    for line in _part_lines(parts):
        click.echo(line)
    click.echo()
    for line in _job_lines(stack.flink_address):
        click.echo(line)
    if not all(part.healthy for part in parts):
        sys.exit(1)


def _part_lines(parts: list[PartStatus]) -> Iterator[str]:
    yield f"{'part':12} {'state':14} {'pid':>8} {'memory':>9} {'uptime':>9}  address"
    for part in parts:
        uptime = "" if part.uptime_s is None else str(timedelta(seconds=int(part.uptime_s)))
        numbers = f"{part.pid or '':>8} {_megabytes(part.memory_bytes):>9} {uptime:>9}"
        yield f"{part.part:12} {_state(part.state)} {numbers}  {part.address}".rstrip()
        if part.ends:
            yield f"  {part.ends} (`tickloom logs {part.part}`)"
    yield f"{'':36} {_megabytes(sum(part.memory_bytes or 0 for part in parts)):>9}"


def _job_lines(address: str) -> Iterator[str]:
    try:
        found = job_statuses(address)
    except UserError:
        yield "jobs: the cluster does not answer"
        return
    if not found:
        yield "no job runs: `tickloom submit` starts one"
        return
    yield f"{'job':22} {'state':14} {'restarts':>8}  {'last checkpoint':16} id"
    for job in found:
        yield from _job(job)


def _job(job: JobStatus) -> Iterator[str]:
    restarts = "" if job.restarts is None else job.restarts
    yield f"{job.name:22} {_state(job.state)} {restarts:>8}  {_age(job.checkpoint_at):16} {job.id}"
    if job.failure:
        yield f"  failed at {job.failure.at:%Y-%m-%d %H:%M:%S} UTC: {job.failure.cause}"


def _state(state: str) -> str:
    return click.style(f"{state:14}", fg=COLOURS.get(state, "yellow"))


def _age(at: datetime | None) -> str:
    return "none yet" if at is None else f"{(datetime.now(UTC) - at).total_seconds():.1f} s ago"


def _megabytes(memory_bytes: int | None) -> str:
    return "" if memory_bytes is None else f"{memory_bytes / 2**20:,.0f} MB"
