"""`tickloom replay`: trades files into Kafka."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from deploy.errors import UserError
from deploy.options import INTERRUPTED, Pair, Speed, ctrl_c_stops, load
from schemas.registry import RegistryError
from schemas.topics import TRADES
from services.replay import Replay, ReplayError, Summary, Target
from services.traces import traced
from services.trades_cells import TradesFileError
from services.trades_file import TradesFile

LINE_EVERY_S = 5
SHOWN = 5


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--brokers", help="Kafka bootstrap servers.  [default: the setting, or the running stack's]")
@click.option("--registry", help="URL of the schema registry.  [default: likewise]")
@click.option("--topic", help=f"Topic of the trades.  [default: the setting trades_topic, {TRADES}]")
@click.option("--speed", type=Speed(), default="max", show_default=True, help="Times the original timing.")
@click.option("--map", "renames", type=Pair(), multiple=True, help="Our column is theirs: ts_event=timestamp.")
@click.option("--set", "constants", type=Pair(), multiple=True, help="Fill a column: symbol=BTC-USD.")
@click.option("--limit", type=click.IntRange(min=1), help="Replay this many rows at most.")
def replay(
    files: tuple[Path, ...],
    brokers: str | None,
    registry: str | None,
    topic: str | None,
    speed: float | None,
    renames: tuple[tuple[str, str], ...],
    constants: tuple[tuple[str, str], ...],
    limit: int | None,
) -> None:
    """Send trades files to Kafka, keyed by symbol, with the times they had.

    A file is CSV with a header, or Parquet. ts_event (integer nanoseconds, or ISO-8601 with a zone), symbol,
    price and size are required; trade_id, sequence, venue, conditions, aggressor and ts_recv are optional.

    \b
      tickloom replay trades.csv
      tickloom replay btc.csv --map ts_event=timestamp --set symbol=BTC-USD --speed 60

    A broker that is killed meanwhile may take a batch twice: Kafka remembers a producer for a day by the times of its
    records, and these are old. Copies are found by their trade_id; without one they count.

    Rows that cannot be read are skipped, counted and shown with file and line. Ctrl-C ends early and says
    what was delivered.
    """
    trades = [TradesFile(path, dict(renames), dict(constants)) for path in files]
    settings = load({"brokers": brokers, "registry": registry, "trades_topic": topic})
    target = Target(
        kafka=settings.kafka_client(),
        registry=settings.registry_client(),
        topic=settings.trades_topic,
        speed=speed,
        limit=limit,
    )
    try:
        with traced("replay") as traces:
            run = Replay(trades, target, traces)
            run.check()
            with _progress(run) as progress, ctrl_c_stops(run.stop):
                summary = run.run(progress)
    except (TradesFileError, ReplayError, RegistryError) as error:
        raise UserError(str(error)) from error
    _report(summary, target.topic)
    if summary.interrupted:
        sys.exit(INTERRUPTED)


class Reporter:
    """A bar in a terminal, a line every few seconds elsewhere."""

    def __init__(self, bars: Progress, total: int) -> None:
        self.bars = bars
        self.task = bars.add_task("replay", total=total, rate="")
        self.started = self.told = time.monotonic()

    def __call__(self, rows: int) -> None:
        now = time.monotonic()
        rate = f"{rows / max(now - self.started, 1e-9):,.0f} rows/s"
        self.bars.update(self.task, completed=rows, rate=rate)
        if not self.bars.console.is_terminal and now - self.told >= LINE_EVERY_S:
            self.told = now
            click.echo(f"replay: {rows:,} rows, {rate}")


@contextmanager
def _progress(run: Replay) -> Iterator[Reporter]:
    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn())
    bars = Progress(*columns, TextColumn("{task.fields[rate]}"), TimeRemainingColumn())
    bars.disable = not bars.console.is_terminal
    with bars:
        yield Reporter(bars, run.row_count())


def _report(summary: Summary, topic: str) -> None:
    for reason in summary.bad_rows[:SHOWN]:
        click.echo(f"  skipped {reason}", err=True)
    if summary.skipped > SHOWN:
        click.echo(f"  skipped {summary.skipped - SHOWN:,} more", err=True)
    state = "interrupted" if summary.interrupted else "done"
    rate = summary.delivered / max(summary.seconds, 1e-9)
    click.echo(
        f"replay {state}: {summary.delivered:,} of {summary.sent:,} trades delivered to {topic}, "
        f"{summary.skipped:,} rows skipped, {summary.seconds:.1f} s ({rate:,.0f} trades/s)"
    )
