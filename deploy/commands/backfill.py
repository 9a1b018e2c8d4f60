"""`tickloom backfill`: a job on bounded input."""

import signal
import time
from collections.abc import Mapping
from pathlib import Path

import click
from rich.console import Console

from deploy.backfill import Order, Summary, run
from deploy.candle_files import FORMATS
from deploy.errors import UserError
from deploy.options import Pair, load
from schemas.resolutions import DEFAULT


@click.group()
def backfill() -> None:
    """Run a job on trades files, or on what a topic holds, to the end."""


@backfill.command()
@click.option(
    "--trades",
    "trades",
    multiple=True,
    required=True,
    metavar="FILE_OR_TOPIC...",
    help="CSV or Parquet files, or a topic.",
)
@click.argument("more", nargs=-1, metavar="")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder of the output.")
@click.option(
    "--resolution",
    "resolutions",
    multiple=True,
    default=DEFAULT,
    show_default=True,
    help="Length of candles; repeat it.",
)
@click.option("--format", "format_", type=click.Choice(FORMATS), default="csv", show_default=True)
@click.option("--map", "renames", type=Pair(), multiple=True, help="Our column is theirs: ts_event=timestamp.")
@click.option("--set", "constants", type=Pair(), multiple=True, help="Fill a column: symbol=BTC-USD.")
@click.option("--fill", is_flag=True, help="A flat candle at the previous close where nothing was traded.")
@click.option("--strict", is_flag=True, help="Exit with an error when a row was rejected.")
@click.option("--brokers", help="Kafka bootstrap servers of a topic.  [default: the setting, or the running stack's]")
@click.option("--registry", help="URL of its schema registry.  [default: likewise]")
def candles(
    trades: tuple[str, ...],
    more: tuple[str, ...],
    out: Path,
    resolutions: tuple[str, ...],
    format_: str,
    renames: tuple[tuple[str, str], ...],
    constants: tuple[tuple[str, str], ...],
    fill: bool,
    strict: bool,
    brokers: str | None,
    registry: str | None,
) -> None:
    """Candles of trades files, or of what a topic holds now, as files. Files need no Kafka.

    A file is CSV with a header, or Parquet. ts_event (integer nanoseconds, or ISO-8601 with a zone), symbol,
    price and size are required; trade_id, sequence, venue, conditions, aggressor and ts_recv are optional. Without a
    sequence the row decides the order; without an id no trade is a duplicate.

    \b
      tickloom backfill candles --trades trades.csv --out candles
      tickloom backfill candles --trades 2024-*.parquet --out candles --resolution 1m --resolution 1h --format parquet
      tickloom backfill candles --trades btc.csv --out candles --map ts_event=timestamp --set symbol=BTC-USD
      tickloom backfill candles --trades md.trades.v1 --out candles

    Writes candles_<resolution>.csv (or .parquet), sorted by symbol and window_start: times in nanoseconds UTC,
    exact decimals. Rows that are no trades go to rejected.csv with their place and the reason, trades that a rule
    flags to flagged.csv; they count. Files of an earlier run
    are replaced, each at once when it is complete; what is temporary is kept in the output folder meanwhile.
    """
    settings = load({"brokers": brokers, "registry": registry})
    order = Order((*trades, *more), out, resolutions, format_, dict(renames), dict(constants), settings, fill)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a stopped run takes Flink and its files with it
    began = time.monotonic()
    console = Console()
    with console.status("") as status:
        summary = run(order, status.update if console.is_terminal else lambda phase: click.echo(f"  {phase}"))
    _report(summary, out, time.monotonic() - began)
    if not summary.accepted:
        raise UserError(f"no trade was accepted: {out / 'rejected.csv'} says why")
    if strict and summary.rejected_total:
        raise UserError(f"{summary.rejected_total:,} rejected, and --strict was given: {out / 'rejected.csv'} says why")


def _report(summary: Summary, out: Path, seconds: float) -> None:
    for name, count, detail in (
        ("read", summary.read, ""),
        ("accepted", summary.accepted, ""),
        ("duplicates", summary.duplicates, ""),
        ("cancels, corrections", summary.changes, ""),
        ("rejected", summary.rejected_total, _by_rule(summary.rejected, out / "rejected.csv")),
        ("flagged", sum(summary.flagged.values()), _by_rule(summary.flagged, out / "flagged.csv")),
    ):
        click.echo(f"  {name:21}{count:>12,}{detail}")
    for resolution, count in summary.candles.items() if summary.accepted else ():
        click.echo(f"  candles {resolution:13}{count:>12,}")
    click.echo(f"backfill: {seconds:.1f} s, output in {out}")


def _by_rule(counts: Mapping[str, int], file: Path) -> str:
    rules = ", ".join(f"{count:,} {rule}" for rule, count in sorted(counts.items()))
    return f"  ({rules}: {file})" if rules else ""
