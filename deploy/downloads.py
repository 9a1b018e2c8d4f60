"""Progress of downloads, in a terminal and elsewhere."""

from collections.abc import Collection

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from deploy import jars


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


def bars() -> Progress:
    """What draws them, as a context."""
    columns = (TextColumn("  {task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    drawn = Progress(*columns)
    drawn.disable = not drawn.console.is_terminal
    return drawn


def fetch(groups: Collection[str] = ()) -> int:
    """Fetch and check groups of jars, as `deploy.jars.sync`; returns how many files had to be fetched."""
    with bars() as drawn:
        return jars.sync(Bars(drawn), groups)
