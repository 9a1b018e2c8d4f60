"""`tickloom status`: what the local stack is doing."""

import sys
from datetime import timedelta

import click
from rich.console import Console
from rich.table import Table

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
    Console(soft_wrap=True).print(_table(parts))
    if not all(part.healthy for part in parts):
        sys.exit(1)


def _table(parts: list[PartStatus]) -> Table:
    table = Table("part", "state", "pid", "address", "memory", "uptime", box=None, show_footer=True)
    table.columns[4].footer = _megabytes(sum(part.memory_bytes or 0 for part in parts))
    for part in parts:
        uptime = "" if part.uptime_s is None else str(timedelta(seconds=int(part.uptime_s)))
        state = f"[{COLOURS[part.state]}]{part.state}[/]"
        memory = _megabytes(part.memory_bytes)
        table.add_row(part.part, state, str(part.pid or ""), part.address, memory, uptime)
    return table


def _megabytes(memory_bytes: int | None) -> str:
    return "" if memory_bytes is None else f"{memory_bytes / 2**20:,.0f} MB"
