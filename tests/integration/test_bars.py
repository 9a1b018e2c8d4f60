"""The bar job equals the pure reference: every kind, on an unruly file."""

import csv
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from deploy import paths
from jobs.settings import Settings
from schemas import avro
from tests.integration import submitter
from tests.udfs.bar_tape import tape
from udfs.bar_spec import BarSpec, Spans
from udfs.bars import bars
from udfs.tick_order import Tick

pytestmark = pytest.mark.integration

SPECS = (
    "tick=7", "volume=20.5", "dollar=50000",
    "tick_imbalance=40:20:60", "volume_imbalance=40:1:100", "dollar_imbalance=40:20:60",
    "tick_run=40", "volume_run=40", "dollar_run=40:1:50",
)  # fmt: skip
SPANS = Spans(ticks=60, bars=5)


def unruly(seed: int) -> list[Tick]:
    """The tape in many venues' names, in the wrong order, with copies and with many trades in one nanosecond."""
    draw = Random(seed)
    ticks = [
        tick._replace(
            ts_event=1_700_000_000_000_000_000
            + draw.choice((0, 1, 1_000_000))
            + tick.ts_event // 4_000_000_000 * 500_000_000,
            venue=draw.choice((None, "X", "Y")),
            trade_id=draw.choice((None, str(number))),
            sequence=draw.choice((None, draw.randrange(100))),
        )
        for number, tick in enumerate(tape())
    ]
    ticks += draw.sample(ticks, 300)
    draw.shuffle(ticks)
    return ticks


def write(file: Path, tapes: dict[str, list[Tick]]) -> dict[str, list[Tick]]:
    """Write the tapes, line by line in turn; returns them with their lines as offsets."""
    written: dict[str, list[Tick]] = {symbol: [] for symbol in tapes}
    with file.open("w", newline="") as text:
        rows = csv.writer(text)
        rows.writerow(("symbol", *Tick._fields[:6]))
        for line, (symbol, number) in enumerate(((s, n) for n in range(4300) for s in tapes), start=2):
            tick = tapes[symbol][number]._replace(offset=line)
            written[symbol].append(tick)
            rows.writerow((symbol, *tick[:6]))
    return written


def rows_of(folder: Path, schema: str) -> list[dict[str, Any]]:
    """The rows that Flink wrote, numbers as decimals."""
    fields = avro.load(schema)["fields"]
    texts = [field["name"] for field in fields if any(text in field["type"] for text in ("string", "bytes", "boolean"))]
    lines = [line for part in folder.glob("part-*") for line in part.read_text().splitlines()]
    return [
        {name: value or None if name in texts else Decimal(value) if value else None for name, value in row.items()}
        for row in csv.DictReader(lines, fieldnames=[field["name"] for field in fields])
    ]


def test_the_bars_of_every_kind_are_those_of_the_reference(tmp_path: Path) -> None:
    file, out = tmp_path / "trades.csv", tmp_path / "out"
    tapes = write(file, {"A": unruly(1), "B": unruly(2)})
    settings = Settings(parallelism=1, bars=SPECS, bar_span_ticks=SPANS.ticks, bar_span_bars=SPANS.bars)
    submitter.run(paths.ROOT / "tests/jobs/bar_files.py", (file, out), settings)

    for spec in map(BarSpec.parse, SPECS):
        expected = {symbol: bars(ticks, spec, SPANS)[0] for symbol, ticks in tapes.items()}
        assert all(len(found) > 10 and any(bar.duplicate_count for bar in found) for found in expected.values())
        found = sorted(rows_of(out / f"bars_{spec.kind}", "bar"), key=lambda bar: (bar["symbol"], bar["number"]))
        assert found == [
            {"symbol": symbol, "kind": spec.kind, "size": spec.size, **bar._asdict()}
            for symbol, bars_of in expected.items()
            for bar in bars_of
        ]
    assert rows_of(out / "late_ticks", "late_trades") == []
