"""What `tickloom quality report` says in a terminal and to programs."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from deploy.dead_letter_text import printable
from schemas.exact import floor_instant
from services.quality_gaps import Gap
from services.quality_report import FAIR, GOOD, Report
from services.quality_summary import COUNTS, MEASURES, Summary, known_measures, lowest_measure, percent

GAPS_SHOWN = 10
NO_SYMBOL = "(no symbol)"
HEADINGS = dict(
    zip(MEASURES, ("complete", "unique", "valid", "timely", "consistent", "accurate"), strict=True),
)


def as_json(report: Report) -> dict[str, Any]:
    """The report for programs: shares from 0 to 1, times in nanoseconds since the Unix epoch, null for unknown."""
    return {
        "from": report.start,
        "to": report.end,
        "verdict": report.verdict,
        "total": _numbers(report.total),
        "symbols": [{"symbol": each.symbol, **_numbers(each)} for each in report.symbols],
        "gaps": [_gap(gap) for gap in report.gaps],
        "events": report.events,
        "worst_minutes": [{**minute.to_avro(), "lowest": lowest_measure(minute)} for minute in report.worst_minutes],
    }


def print_report(report: Report, console: Console) -> None:
    """A table of symbols, the open gaps, and a line that says how it is."""
    console.print(f"quality of {_time(report.start)} to {_time(report.end)}, {len(report.minutes):,} minutes judged\n")
    console.print(_symbols(report))
    if report.open_gaps:
        console.print("\ngaps still open")
        console.print(_gaps(report.open_gaps[:GAPS_SHOWN]))
    if len(report.open_gaps) > GAPS_SHOWN:
        console.print(f"… and {len(report.open_gaps) - GAPS_SHOWN:,} more: --json lists all")
    for kind, count in report.events.items():
        console.print(Text(printable(f"{count:,} × {kind}")))
    console.print(Text(f"\n{printable(report.verdict)}", style=_colour(report.total.score)), soft_wrap=True)


def _symbols(report: Report) -> Table:
    known = [name for name, _ in known_measures(report.total)]
    made = Table(box=None, pad_edge=False, header_style="dim")
    made.add_column("symbol", no_wrap=True)
    for name in ("score", *(HEADINGS[name] for name in known), "p50 ms", "p99 ms", "minutes", "trades"):
        made.add_column(name, justify="right", no_wrap=True)
    made.add_column("what went wrong", min_width=20)
    for each in report.symbols:
        made.add_row(Text(printable(each.symbol) or NO_SYMBOL), *_cells(each, known))
    if len(report.symbols) > 1:
        made.add_row("all", *_cells(report.total, known), style="bold")
    return made


def _cells(judged: Summary, measures: Sequence[str]) -> Iterator[Text]:
    for name in ("score", *measures):
        yield _share(getattr(judged, name))
    for count in (judged.lag_p50_ms, judged.lag_p99_ms, judged.minutes, judged.trades):
        yield Text("–" if count is None else f"{count:,}")
    yield Text(_wrong(judged))


def _wrong(judged: Summary) -> str:
    counts = {name: getattr(judged, name) for name in ("missing", *COUNTS[1:])}
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)


def _share(share: float | None) -> Text:
    return Text("–") if share is None else Text(percent(share), style=_colour(share))


def _colour(share: float | None) -> str:
    if share is None or share == 1:
        return ""
    return "green" if share >= GOOD else "yellow" if share >= FAIR else "red"


def _gaps(gaps: list[Gap]) -> Table:
    made = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("symbol", "venue"):
        made.add_column(name, no_wrap=True)
    for name in ("missing", "first", "last"):
        made.add_column(name, justify="right", no_wrap=True)
    for name in ("after the trade of", "before that of"):
        made.add_column(name, no_wrap=True)
    made.add_column("")
    for gap in gaps:
        names = (Text(printable(gap.symbol)), Text(printable(gap.venue or "")))
        numbers = (f"{gap.still_missing:,}", str(gap.open[0][0]), str(gap.open[-1][1]))
        state = gap.state if gap.state == "open" else f"{gap.state}: {gap.missing - gap.still_missing:,} came after all"
        made.add_row(*names, *numbers, _time(gap.ts_event), _time(gap.ts_until), state)
    return made


def _numbers(judged: Summary) -> dict[str, Any]:
    fields = {name: value for name, value in judged.__dict__.items() if name != "symbol"}
    return {"score": judged.score, "lowest": judged.lowest, **fields}


def _gap(gap: Gap) -> dict[str, Any]:
    counts = {"missing": gap.missing, "still_missing": gap.still_missing, "state": gap.state}
    names = ("symbol", "venue", "first_sequence", "last_sequence", "ts_event", "ts_until")
    return {name: getattr(gap, name) for name in names} | counts | {"open": gap.open}


def _time(nanoseconds_utc: int) -> str:
    return f"{floor_instant(nanoseconds_utc):%Y-%m-%dT%H:%M:%SZ}"
