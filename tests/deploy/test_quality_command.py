"""What `tickloom quality report` says to people and to programs."""

import json
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from deploy.commands.quality import WIDTH_MIN, answer, quality
from deploy.errors import UserError
from deploy.quality_text import as_json, print_report
from schemas.models import Quality, QualityEvent
from services.quality_report import Period, report
from tests.services.quality_records import MINUTE, filled, gap, minute

RECORDS: list[Quality | QualityEvent] = [
    minute(0, "A"),
    minute(1, "A", trades=90, missing=10, completeness=0.9, duplicates=10, uniqueness=0.9, lag_p99_ms=4000),
    minute(0, "B", trades=1000, late=3),
    gap(5, 14, at=1),
    filled(5, 6, at=1),
    gap(90, 90, symbol="B"),
    filled(90, 90, symbol="B"),
    QualityEvent(symbol="B", kind="sequence_reset", ts_event=MINUTE, first_sequence=1, last_sequence=99),
]


def text(records: list[Quality | QualityEvent], width: int = 150) -> str:
    console = Console(width=width, file=StringIO(), highlight=False)
    with console.capture() as shown:
        print_report(report(records, Period()), console)
    return shown.get()


def test_the_document_has_exactly_these_fields() -> None:
    document = json.loads(json.dumps(as_json(report(RECORDS, Period()))))
    assert document["symbols"][0] == {
        "symbol": "A",
        "score": 0.95,
        "lowest": "completeness",
        "minutes": 2,
        "trades": 190,
        "duplicates": 10,
        "rejected": 0,
        "flagged": 0,
        "late": 0,
        "missing": 10,
        "completeness": 0.95,
        "uniqueness": 0.95,
        "validity": 1.0,
        "timeliness": 1.0,
        "consistency": 1.0,
        "accuracy": None,
        "lag_p50_ms": 10,
        "lag_p99_ms": 4000,
    }
    assert document["gaps"][0] == {
        "symbol": "A",
        "venue": "V",
        "first_sequence": 5,
        "last_sequence": 14,
        "ts_event": MINUTE,
        "ts_until": 2 * MINUTE,
        "missing": 10,
        "still_missing": 8,
        "state": "partly filled",
        "open": [[7, 14]],
    }
    assert [each["state"] for each in document["gaps"]] == ["partly filled", "filled"]
    assert {name: document[name] for name in ("from", "to", "events")} == {
        "from": 0,
        "to": 2 * MINUTE,
        "events": {"sequence_reset": 1},
    }
    assert document["total"]["trades"] == 1190
    (worst,) = document["worst_minutes"]
    assert isinstance(RECORDS[1], Quality)
    assert worst == {**RECORDS[1].to_avro(), "lowest": "completeness"}


def test_every_field_of_the_document_is_in_the_help() -> None:
    document = as_json(report(RECORDS, Period()))
    told = CliRunner().invoke(quality, ["report", "--help"]).output
    nested = [document["total"], document["gaps"][0]]
    for name in {*document, *(name for each in nested for name in each)}:
        assert name in told


def test_the_terminal_shows_the_worst_symbol_first_then_open_gaps_then_the_verdict() -> None:
    lines = [" ".join(line.split()) for line in text(RECORDS).splitlines() if line.strip()]
    assert lines == [
        "quality of 1970-01-01T00:00:00Z to 1970-01-01T00:02:00Z, 3 minutes judged",
        "symbol score complete unique valid timely consistent p50 ms p99 ms minutes trades what went wrong",
        "A 95.00 95.00 95.00 100.00 100.00 100.00 10 4,000 2 190 10 missing, 10 duplicates",
        "B 100.00 100.00 100.00 100.00 100.00 100.00 10 20 1 1,000 3 late",
        "all 99.16 99.16 99.16 100.00 100.00 100.00 10 4,000 3 1,190 10 missing, 10 duplicates, 3 late",
        "gaps still open",
        "symbol venue missing first last after the trade of before that of",
        "A V 8 7 14 1970-01-01T00:01:00Z 1970-01-01T00:02:00Z partly filled: 2 came after all",
        "1 × sequence_reset",
        "1 of 2 symbols score 99.90 % or better; worst: A 95.00 % (completeness); 1 gap open, 8 messages missing",
    ]


def test_a_measure_is_a_column_where_a_symbol_knows_it() -> None:
    assert "accurate" not in text([minute(0)])
    assert "accurate" in text([minute(0), minute(0, "B", accuracy=0.8)])


def test_no_number_is_cut_in_a_terminal_of_the_least_width() -> None:
    big = minute(0, "BTC-PERP", trades=10**9, accuracy=1.0, lag_p50_ms=10**5, lag_p99_ms=10**6, missing=10**6)
    shown = text([big, minute(0, "A")], WIDTH_MIN)
    assert "…" not in shown
    assert "1,000,000,000" in shown


def test_more_open_gaps_than_fit_are_counted() -> None:
    assert "… and 2 more: --json lists all" in text([minute(0), *(gap(n, n, at=n) for n in range(12))])


def test_a_symbol_is_text_and_not_markup_or_control() -> None:
    shown = text([minute(0, "[red]\x1b[2J", timeliness=0.5)])
    assert shown.count("[red]\N{REPLACEMENT CHARACTER}[2J") == 2  # in the table and in the verdict
    assert "\x1b" not in shown


def test_records_without_a_symbol_are_named_so() -> None:
    assert "(no symbol)" in text([minute(0), minute(0, "", rejected=3, trades=0)])


@pytest.mark.parametrize("records", [[], [gap(1, 2)]])
def test_a_period_without_a_minute_names_the_job_to_submit(records: list[Quality | QualityEvent]) -> None:
    with pytest.raises(UserError, match=r"no minute of what is asked for: `tickloom submit quality`"):
        answer(report(records, Period()), Period())


def test_a_symbol_that_has_no_minute_is_named() -> None:
    asked = Period(symbols=frozenset(("A", "APPL")))
    with pytest.raises(UserError, match="no minute of APPL in that period: leave --symbol out"):
        answer(report(RECORDS, asked), asked)


def test_a_time_without_a_zone_is_refused() -> None:
    refused = CliRunner().invoke(quality, ["report", "--from", "2026-01-05T14:30:00"])
    assert refused.exit_code == 2
    assert "has no zone" in refused.output


def test_a_document_and_a_page_are_not_asked_for_at_once(tmp_path: Path) -> None:
    refused = CliRunner().invoke(quality, ["report", "--json", "--html", str(tmp_path / "page.html")])
    assert refused.exit_code == 2
    assert "--json or --html, one of them" in refused.output
