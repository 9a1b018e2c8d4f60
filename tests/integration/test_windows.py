"""Updating and sliding candles equal an independent recomputation of every one of their windows."""

import csv
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from deploy import paths
from jobs.settings import Settings
from services.oracle import SECOND_NS, Tick, candle
from tests.integration import submitter
from tests.integration.candle_job import START_NS
from tests.integration.test_bars import rows_of

pytestmark = pytest.mark.integration

MINUTE_NS = 60 * SECOND_NS
MIDNIGHT_NS = START_NS - START_NS % (86_400 * SECOND_NS)


def tape() -> list[Tick]:
    """Trades of twenty minutes, in two bursts with a silence between."""
    draw = Random(7)
    seconds = [draw.choice((draw.randrange(400), draw.randrange(900, 1_200))) for _ in range(300)]
    return [
        Tick(
            MIDNIGHT_NS + second * SECOND_NS + draw.randrange(SECOND_NS),
            None,
            None,
            line,
            Decimal(draw.randrange(9_000, 11_000)) / 100,
            Decimal(draw.randrange(1, 500)) / 10,
        )
        for line, second in enumerate(seconds)
    ]


def expected(ticks: list[Tick], start: int, end: int, **also: Any) -> dict[str, Any] | None:
    """The candle of the trades in [start, end); None where there are none."""
    inside = [tick for tick in ticks if start <= tick.ts_event < end]
    return {"window_start": start, **candle(inside, 0, end)._asdict(), **also} if inside else None


def updating(ticks: list[Tick], length_s: int, step_s: int) -> list[dict[str, Any]]:
    """What is known of each window at each step, from the step with its first trade."""
    length_ns, step_ns = length_s * SECOND_NS, step_s * SECOND_NS
    found = [
        expected(ticks, start, start + (number + 1) * step_ns, revision=number, window_end=start + length_ns,
                 revision_reason=None if (number + 1) * step_ns == length_ns else "open")
        for start in range(MIDNIGHT_NS, MIDNIGHT_NS + 20 * MINUTE_NS, length_ns)
        for number in range(length_ns // step_ns)
    ]  # fmt: skip
    return [each for each in found if each]


def sliding(ticks: list[Tick], length_s: int, step_s: int) -> list[dict[str, Any]]:
    """The windows that begin at each step."""
    length_ns, step_ns = length_s * SECOND_NS, step_s * SECOND_NS
    found = [
        expected(ticks, start, start + length_ns, revision=0, revision_reason=None)
        for start in range(MIDNIGHT_NS - length_ns, MIDNIGHT_NS + 20 * MINUTE_NS, step_ns)
    ]
    return [each for each in found if each]


def test_each_step_shows_the_window_so_far_and_overlapping_windows_show_all_of_theirs(tmp_path: Path) -> None:
    ticks, file, out = tape(), tmp_path / "trades.csv", tmp_path / "out"
    with file.open("w", newline="") as text:
        rows = csv.writer(text)
        rows.writerow(("symbol", "ts_event", "price", "size"))
        rows.writerows(("ACME", tick.ts_event, tick.price, tick.size) for tick in ticks)
    settings = Settings(parallelism=1, resolutions="1s,1m,5m", updating="1m:5s", sliding="5m:1m,30s:10s")
    submitter.run(paths.ROOT / "tests/jobs/window_files.py", (file, out), settings)

    for name, wanted in {
        "1m_updating": updating(ticks, 60, 5),
        "5m_every_1m": sliding(ticks, 300, 60),
        "30s_every_10s": sliding(ticks, 30, 10),
    }.items():
        found = rows_of(out / f"candles_{name}", "candle")
        assert len(found) >= 20
        found.sort(key=lambda row: (row["window_start"], row["revision"]))
        assert [{field: row[field] for field in wanted[0]} for row in found] == wanted
        assert {(row["symbol"], row["resolution"]) for row in found} == {("ACME", name.partition("_")[0])}
