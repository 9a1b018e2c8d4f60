"""Gap filling: flat candles where nothing was traded."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.models import Candle
from services.gaps import filled

MINUTE = 60 * 10**9


def candle(minute: int, close: str | None = "10", symbol: str = "A") -> dict[str, Any]:
    """A one-minute candle of one trade, without a price when close is None."""
    price = None if close is None else Decimal(close)
    return {
        "symbol": symbol,
        "resolution": "1m",
        "window_start": minute * MINUTE,
        "window_end": (minute + 1) * MINUTE,
        **dict.fromkeys(("open", "high", "low", "close", "vwap"), price),
        "volume": Decimal(3),
        "notional": Decimal(30),
        "trade_count": 1,
        "duplicate_count": 0,
        "first_ts_event": minute * MINUTE,
        "last_ts_event": minute * MINUTE,
        "complete": True,
        "revision": 2,
        "revision_reason": "late",
        "accumulator": b"state",
    }


def closes(candles: Any) -> list[tuple[str, int, str | None]]:
    """Symbol, minute and close."""
    return [
        (each["symbol"], each["window_start"] // MINUTE, None if each["close"] is None else str(each["close"]))
        for each in candles
    ]


def test_a_window_without_a_trade_is_flat_at_the_close_before_it_with_no_volume() -> None:
    first, flat, last = filled([candle(0, "10"), candle(2, "12")])
    assert (first, last) == (candle(0, "10"), candle(2, "12"))
    assert flat == {
        "symbol": "A",
        "resolution": "1m",
        "window_start": MINUTE,
        "window_end": 2 * MINUTE,
        **dict.fromkeys(("open", "high", "low", "close"), Decimal(10)),
        "vwap": None,
        "volume": 0,
        "notional": 0,
        "trade_count": 0,
        "duplicate_count": 0,
        "first_ts_event": None,
        "last_ts_event": None,
        "complete": True,
        "revision": 0,
        "revision_reason": None,
        "accumulator": None,
    }
    assert Candle.from_avro(dict(flat)).open == 10


def test_each_symbol_is_filled_from_its_own_first_to_its_own_last_candle() -> None:
    candles = [candle(0, "1"), candle(2, "2"), candle(1, "7", "B"), candle(3, "8", "B")]
    assert closes(filled(candles)) == [
        ("A", 0, "1"), ("A", 1, "1"), ("A", 2, "2"),
        ("B", 1, "7"), ("B", 2, "7"), ("B", 3, "8"),
    ]  # fmt: skip


def test_a_candle_without_a_price_leaves_the_last_close_in_force() -> None:
    candles = [candle(0, None), candle(2, "5"), candle(3, None), candle(5, "6")]
    assert closes(filled(candles)) == [
        ("A", 0, None), ("A", 1, None), ("A", 2, "5"), ("A", 3, None), ("A", 4, "5"), ("A", 5, "6"),
    ]  # fmt: skip


def test_over_a_period_the_close_before_it_holds_and_nothing_precedes_the_first_candle() -> None:
    candles = [candle(0, "1"), candle(5, "2"), candle(9, "3"), candle(4, "7", "B")]
    assert closes(filled(candles, start=3 * MINUTE, end=7 * MINUTE)) == [
        ("A", 3, "1"), ("A", 4, "1"), ("A", 5, "2"), ("A", 6, "2"),
        ("B", 4, "7"), ("B", 5, "7"), ("B", 6, "7"),
    ]  # fmt: skip


def test_no_candles_stay_none() -> None:
    assert list(filled([], start=0, end=MINUTE)) == []


@given(st.sets(st.integers(0, 60), min_size=1))
def test_windows_follow_each_other_without_a_gap_and_every_candle_is_still_there(minutes: set[int]) -> None:
    given_candles = [candle(minute, str(minute)) for minute in sorted(minutes)]
    found = list(filled(given_candles))
    assert [each["window_start"] // MINUTE for each in found] == list(range(min(minutes), max(minutes) + 1))
    assert [each for each in found if each["trade_count"]] == given_candles
    assert sum(each["volume"] for each in found) == 3 * len(minutes)
