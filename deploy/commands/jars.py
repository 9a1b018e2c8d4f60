"""`tickloom jars`: pin, fetch and show the jars."""

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from deploy import core, paths
from deploy import jars as store


class Bars:
    """A progress bar a file in a terminal, one line a file elsewhere."""

    def __init__(self, bars: Progress) -> None:
        self.bars = bars
        self.task = bars.add_task("", total=None, visible=False)

    def start(self, name: str, total_bytes: int) -> None:
        """A file is about to be fetched."""
        if not self.bars.console.is_terminal and not name.endswith(".pom"):
            click.echo(f"  downloading {name} ({total_bytes / 1e6:.1f} MB)")
        self.task = self.bars.add_task(name, total=total_bytes or None)

    def advance(self, byte_count: int) -> None:
        """Bytes have arrived."""
        self.bars.advance(self.task, byte_count)


def _bars() -> Progress:
    columns = (TextColumn("  {task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    bars = Progress(*columns)
    bars.disable = not bars.console.is_terminal
    return bars


@click.group()
def jars() -> None:
    """The jars, by Maven coordinate: declared in deploy/jars.toml, pinned in deploy/jars.lock."""


@jars.command()
def sync() -> None:
    """Download what is missing, check every sha256, compile the JVM core."""
    with _bars() as bars:
        fetched = store.sync(Bars(bars))
    click.echo(f"jars: {fetched} downloaded, {len(store.read_lock())} verified")
    compiled = core.is_stale()
    core.build()
    click.echo(f"JVM core: {'compiled' if compiled else 'up to date'}")


@jars.command()
def lock() -> None:
    """Resolve jars.toml into jars.lock."""
    with _bars() as bars:
        pinned = store.lock(Bars(bars))
    click.echo(f"{store.LOCK.relative_to(paths.ROOT)}: {len(pinned)} files pinned")


@jars.command("list")
def show() -> None:
    """Show what is pinned and whether it is here."""
    for jar in store.read_lock():
        state = "here" if jar.path.exists() else "missing"
        click.echo(f"{jar.group:9} {state:8} {jar.coordinate}")
