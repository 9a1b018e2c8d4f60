"""A day of AIG through the backfill, beside the second and minute bars that somebody else published for that day.

Their publisher makes no bar of a period in which no trade sets a price: its volume is in the bar before.
"""

import csv
from collections.abc import Iterator, Mapping
from datetime import datetime
from io import TextIOWrapper
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import pytest

from deploy import paths
from tests.integration.test_backfill import backfill, candles_of

pytestmark = pytest.mark.integration

DATA = paths.ROOT.parent / "shared" / "data" / "us-equity-aig-2013-10-07"
MIDNIGHT_MS = int(datetime(2013, 10, 7, tzinfo=ZoneInfo("America/New_York")).timestamp()) * 1000
MILLI_NS = 1_000_000
PUBLISHED = {"1s": "second_trade.zip", "1m": "minute_trade.zip"}
PRICE_UNIT = 10_000


class Bar(NamedTuple):
    """Prices in 1/10,000 dollar."""

    open: int
    high: int
    low: int
    close: int
    volume: int


Bars = Mapping[int, Bar]
"""By start, in milliseconds since midnight in New York."""


def rows(name: str) -> Iterator[list[str]]:
    with ZipFile(DATA / name) as archive, archive.open(archive.namelist()[0]) as file:
        yield from csv.reader(TextIOWrapper(file, encoding="utf-8"))


def published(resolution: str) -> Bars:
    return {int(start): Bar(*map(int, bar)) for start, *bar in rows(PUBLISHED[resolution])}


def flags(told: str) -> str:
    """Each flag of a hexadecimal number as a condition of its own."""
    value = int(told, 16)
    return " ".join(f"{1 << bit:x}" for bit in range(value.bit_length()) if value >> bit & 1)


def write_trades(file: Path) -> int:
    """Write the day's trades; returns their number."""
    with file.open("w", newline="", encoding="utf-8") as text:
        writer = csv.writer(text)
        writer.writerow(["ts_event", "symbol", "venue", "price", "size", "conditions"])
        count = 0
        for ms, price, size, exchange, told, _ in rows("tick_trade.zip"):
            ts_event = (MIDNIGHT_MS + int(ms)) * MILLI_NS
            dollars = f"{int(price) // PRICE_UNIT}.{int(price) % PRICE_UNIT:04}"
            writer.writerow([ts_event, "AIG", f"US-FLAGS.{exchange}", dollars, size, flags(told)])
            count += 1
        return count


def ours(file: Path) -> Bars:
    """Our candles as they would have published them."""
    bars: dict[int, Bar] = {}
    for candle in candles_of(file):
        start = candle["window_start"] // MILLI_NS - MIDNIGHT_MS
        if candle["open"] is not None:
            open_, high, low, close = (int(candle[name] * PRICE_UNIT) for name in ("open", "high", "low", "close"))
            bars[start] = Bar(open_, high, low, close, int(candle["volume"]))
        elif bars:
            last = max(bars)
            bars[last] = bars[last]._replace(volume=bars[last].volume + int(candle["volume"]))
    return bars


def differences(theirs: Bars, found: Bars) -> list[str]:
    return [
        f"{at}: {theirs.get(at)} {found.get(at)}"
        for at in sorted(theirs.keys() | found.keys())
        if theirs.get(at) != found.get(at)
    ]


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not DATA.is_dir():
        pytest.skip(f"no {DATA}")
    file = tmp_path_factory.mktemp("aig") / "trades.csv"
    assert write_trades(file) == 25_351
    return file


def test_the_published_bars_of_a_day_are_ours(tape: Path, tmp_path: Path) -> None:
    result = backfill("--trades", tape, "--out", tmp_path, "--resolution", "1s", "--resolution", "1m")
    assert result.returncode == 0, result.stdout + result.stderr
    differing = {name: differences(published(name), ours(tmp_path / f"candles_{name}.csv")) for name in PUBLISHED}
    print(*(f"{name} {each}" for name, listed in differing.items() for each in listed), sep="\n")
    assert len(differing["1s"]) <= 0.002 * len(published("1s")), differing["1s"]
    assert len(differing["1m"]) <= 0.005 * len(published("1m")), differing["1m"]
    counted = {name: sum(c["trade_count"] for c in candles_of(tmp_path / f"candles_{name}.csv")) for name in PUBLISHED}
    assert counted == dict.fromkeys(PUBLISHED, 25_351)


@pytest.mark.thorough
def test_without_the_rules_many_bars_are_others(tape: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "none.toml").write_text("version = 1\nsets = []\n")
    monkeypatch.setenv("TICKLOOM_CONDITIONS", str(tmp_path / "none.toml"))
    result = backfill("--trades", tape, "--out", tmp_path, "--resolution", "1s")
    assert result.returncode == 0, result.stdout + result.stderr
    differing = differences(published("1s"), ours(tmp_path / "candles_1s.csv"))
    assert len(differing) > 0.2 * len(published("1s"))
