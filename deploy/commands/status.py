"""`tickloom status`: what the local stack is doing."""

import sys
from collections.abc import Iterator
from datetime import timedelta

import click

from deploy.stack import running
from deploy.stack.status import PartStatus
from deploy.stack.status import status as status_of

COLOURS = {"healthy": "green", "not answering": "yellow", "down": "red"}


@click.command()
def status() -> None:
    """Show each part of the local stack: its state, process, address, memory and uptime.

    Ends with exit code 1 unless every part is healthy.
    """
    stack = running()
    if not stack:
        click.echo("the stack is not running: `tickloom up` starts it")
        sys.exit(1)
    parts = status_of(stack)
    for line in _lines(parts):
        click.echo(line)
    if not all(part.healthy for part in parts):
        sys.exit(1)


def _lines(parts: list[PartStatus]) -> Iterator[str]:
    yield f"{'part':12} {'state':14} {'pid':>8} {'memory':>9} {'uptime':>9}  address"
    for part in parts:
        state = click.style(f"{part.state:14}", fg=COLOURS[part.state])
        uptime = "" if part.uptime_s is None else str(timedelta(seconds=int(part.uptime_s)))
        numbers = f"{part.pid or '':>8} {_megabytes(part.memory_bytes):>9} {uptime:>9}"
        yield f"{part.part:12} {state} {numbers}  {part.address}".rstrip()
    yield f"{'':36} {_megabytes(sum(part.memory_bytes or 0 for part in parts)):>9}"


def _megabytes(memory_bytes: int | None) -> str:
    return "" if memory_bytes is None else f"{memory_bytes / 2**20:,.0f} MB"
