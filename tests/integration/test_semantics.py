"""What a candle means, question by question: one bounded run, a symbol for each answer (schemas/semantics.md)."""

from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_backfill import backfill, candles_of, rows_of

pytestmark = pytest.mark.integration

HEADER = "ts_event,ts_recv,symbol,venue,trade_id,sequence,price,size,conditions"
TRADES = """
2024-01-01T10:00:00Z,,interval,,,,1,1,
2024-01-01T10:00:59.999999999Z,,interval,,,,2,1,
2024-01-01T10:01:00Z,,interval,,,,3,1,
2024-01-01T10:00:01Z,,order,X,,2,7,1,
2024-01-01T10:00:01Z,,order,X,,1,5,1,
2024-01-01T10:00:00Z,,order,X,,9,6,1,
2024-01-01T10:00:00Z,,gap,,,,1,1,
2024-01-01T10:03:00Z,,gap,,,,1,1,
2024-01-01T10:00:00Z,,copies,X,7,,1,1,
2024-01-01T10:00:00Z,,copies,X,7,,1,1,
2024-01-01T10:00:00Z,,copies,Y,7,,1,1,
2024-01-01T10:00:00Z,,copies,X,,,1,1,
2024-01-01T10:00:00Z,,copies,X,,,1,1,
2024-01-01T10:00:01Z,2024-01-01T10:00:00Z,future,,,,1,1,
2024-01-01T10:06:00Z,2024-01-01T10:00:00Z,future,,,,9,1,
2024-01-01T10:00:00Z,,unpriced,XNAS,,,1,5,2
2024-01-01T10:00:00Z,,zero,,,,1,1,
2024-01-01T10:00:00Z,,zero,,,,1,0,
2024-01-01T10:00:00Z,,zero,,,,1,-1,
2024-01-01T10:00:00Z,,zero,,,,0,1,
2024-01-01T10:00:00Z,,zero,,,,-1,1,
2024-01-01T23:59:59Z,,midnight,,,,1,1,
2024-01-02T00:00:00Z,,midnight,,,,2,1,
"""


class Answers:
    """The candles by symbol and resolution, and the rejected rows."""

    def __init__(self, folder: Path) -> None:
        self.candles: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for file in folder.glob("candles_*.csv"):
            for candle in candles_of(file):
                self.candles[candle["symbol"], candle["resolution"]].append(candle)
        self.rejected = rows_of(folder / "rejected.csv")


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    folder = tmp_path_factory.mktemp("semantics")
    (folder / "trades.csv").write_text(f"{HEADER}{TRADES}")
    result = backfill("--trades", folder / "trades.csv", "--out", folder, "--resolution", "1m", "--resolution", "1d")
    assert result.returncode == 0, result.stdout + result.stderr
    return Answers(folder)


def test_which_side_of_the_interval_is_open(answers: Answers) -> None:
    first, second = answers.candles["interval", "1m"]
    assert [(each["open"], each["close"]) for each in (first, second)] == [(1, 2), (3, 3)]


def test_how_a_candle_is_stamped(answers: Answers) -> None:
    first, second = answers.candles["interval", "1m"]
    assert first["window_end"] - first["window_start"] == 60_000_000_000
    assert first["window_end"] == second["window_start"]


def test_order_for_open_and_close(answers: Answers) -> None:
    (minute,) = answers.candles["order", "1m"]
    assert (minute["open"], minute["close"]) == (6, 7)


def test_windows_without_trades(answers: Answers) -> None:
    starts = [each["window_start"] // 60_000_000_000 for each in answers.candles["gap", "1m"]]
    assert starts[1] - starts[0] == 3


def test_duplicates(answers: Answers) -> None:
    (minute,) = answers.candles["copies", "1m"]
    assert (minute["trade_count"], minute["duplicate_count"], minute["volume"]) == (4, 1, 4)


def test_future_timestamps(answers: Answers) -> None:
    (minute,) = answers.candles["future", "1m"]
    assert minute["trade_count"] == 1
    assert [each["rule"] for each in answers.rejected if each["line"] == "16"] == ["future"]


def test_only_trades_that_may_not_set_a_price(answers: Answers) -> None:
    (minute,) = answers.candles["unpriced", "1m"]
    assert [minute[name] for name in ("open", "high", "low", "close")] == [None] * 4
    assert (minute["volume"], minute["trade_count"]) == (5, 1)


def test_zero_or_negative_size_or_price(answers: Answers) -> None:
    (minute,) = answers.candles["zero", "1m"]
    assert (minute["trade_count"], minute["volume"]) == (1, Decimal(1))
    rules = [each["rule"] for each in answers.rejected if each["line"] != "16"]
    assert rules == ["size", "size", "price", "price"]


def test_days(answers: Answers) -> None:
    assert [each["open"] for each in answers.candles["midnight", "1d"]] == [1, 2]
