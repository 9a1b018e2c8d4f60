"""`tickloom quality`: what the quality job found, for people and for programs."""

import json
import sys
from pathlib import Path

import click
from rich.console import Console

from deploy.dead_letter_text import printable
from deploy.errors import UserError
from deploy.options import Instant, load
from deploy.quality_text import as_json, print_report
from jobs.settings import Settings
from schemas.codec import CodecError
from schemas.registry import RegistryError
from schemas.topics import QUALITY
from services.committed import CommittedReadError
from services.quality_report import Period, Report, read

ALL = Period()
WIDTH_MIN, WIDTH = 140, 240
"""Of a terminal, which breaks lines itself when it is narrower, and of a file or a pipe: no number is cut."""


@click.group()
def quality() -> None:
    """How good the data is, measured every minute by the quality job: `tickloom submit quality`."""


@quality.command("report")
@click.option("--from", "start", type=Instant(), default=ALL.start, help="First minute; all when not given.")
@click.option("--to", "end", type=Instant(), default=ALL.end, help="No minute that ends later.")
@click.option("--symbol", "symbols", multiple=True, help="Only this symbol; repeat it.  [default: all]")
@click.option("--json", "json_asked", is_flag=True, help="One document, for programs.")
@click.option("--html", "page", type=click.Path(path_type=Path, dir_okay=False), help="Write a page with pictures.")
@click.option("--brokers", help="Kafka bootstrap servers.  [default: the setting, or the running stack's]")
@click.option("--registry", help="URL of the schema registry.  [default: likewise]")
def show_report(
    start: int, end: int, symbols: tuple[str, ...], json_asked: bool, page: Path | None, **flags: str | None
) -> None:
    """The quality of a period by symbol: the lowest score first, gaps that are still open, and a verdict.

    \b
      tickloom quality report
      tickloom quality report --from 2026-01-05T14:30:00Z --to 2026-01-05T21:00:00Z --symbol AAPL
      tickloom quality report --html quality.html

    A score is the lowest of the measures that are known:

    \b
      completeness  numbered messages that came, of those there should be
      uniqueness    trades, of trades and copies
      validity      records that broke no rule, of all
      timeliness    seconds whose candle could be read in time, of all
      consistency   checks that hold: seconds add up, prices are in their order
      accuracy      fields equal to the reference's candle

    The page is one file that needs no network. With --json shares are from 0 to 1, times nanoseconds UTC, unknown is
    null, and the fields are:

    \b
      from, to, verdict
      total          score, lowest (the name of the lowest measure), minutes,
                     trades, duplicates, rejected, flagged, late, missing,
                     the six measures, lag_p50_ms, lag_p99_ms
      symbols        a list: symbol, and the same
      gaps           a list: symbol, venue, first_sequence, last_sequence,
                     ts_event, ts_until, missing, still_missing,
                     state (open, partly filled, filled), open ([[first, last]])
      events         how many of every other kind
      worst_minutes  a list: the record of the minute, and lowest

    The exit code is 0 whatever the score is: a report is no check.
    """
    if json_asked and page:
        raise click.UsageError("--json or --html, one of them")
    found = _read(load(flags), Period(start, end, frozenset(symbols)))
    if json_asked:
        click.echo(json.dumps(as_json(found), indent=2))
    elif page:
        _write(page, found)
        click.echo(f"{printable(found.verdict)}\n{page}")
    else:
        width = max(Console().width, WIDTH_MIN) if sys.stdout.isatty() else WIDTH
        print_report(found, Console(width=width, highlight=False))


def answer(found: Report, period: Period) -> Report:
    """The report. Raises UserError where a symbol that is asked for, or the whole period, has no minute."""
    absent = sorted(period.symbols - {each.symbol for each in found.symbols})
    if absent and found.minutes:
        raise UserError(
            f"{QUALITY} has no minute of {printable(', '.join(absent))} in that period: leave --symbol out to see all"
        )
    if not found.minutes:
        raise UserError(
            f"{QUALITY} has no minute of what is asked for: `tickloom submit quality` judges minutes that are over; "
            "without --from, --to and --symbol the report is of all there are"
        )
    return found


def _read(settings: Settings, period: Period) -> Report:
    try:
        with Console(stderr=True).status(f"reading {QUALITY}"):
            return answer(read(settings.kafka_client(), settings.registry_client(), period), period)
    except (CommittedReadError, RegistryError, CodecError) as error:
        raise UserError(
            f"{error}; `tickloom status` says what runs, `tickloom submit quality` starts the job"
        ) from error


def _write(page: Path, found: Report) -> None:
    # matplotlib takes a second to import.
    from services.quality_html import html

    try:
        page.write_text(html(found), encoding="utf-8")
    except OSError as error:
        raise UserError(f"--html {page}: {error.strerror}: name a file in a folder that can be written") from error
