"""Candles as JSON: exact, whatever their digits."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.exact import nanoseconds
from services.candle_json import encode, instant_text, plain_decimal
from tests.services.candles import candle


def test_a_candle_says_its_decimals_and_times_as_text() -> None:
    start = nanoseconds("2026-01-05T14:30:00Z")
    said = candle(
        window_start=start, window_end=start + 10**9, open=Decimal("101.500000000000"), volume=Decimal("1E+3")
    )
    said |= {"volume": Decimal("1E+3"), "first_ts_event": start + 1, "last_ts_event": None}
    assert json.loads(encode(said)) == {
        "symbol": "A",
        "resolution": "1s",
        "window_start": "2026-01-05T14:30:00Z",
        "window_end": "2026-01-05T14:30:01Z",
        "open": "101.5",
        "high": "100",
        "low": "100",
        "close": "100",
        "volume": "1000",
        "vwap": "100",
        "notional": "100",
        "trade_count": 1,
        "duplicate_count": 0,
        "first_ts_event": "2026-01-05T14:30:00.000000001Z",
        "last_ts_event": None,
        "complete": True,
        "revision": 0,
        "revision_reason": None,
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [("0E-12", "0"), ("100", "100"), ("0.000000000001", "0.000000000001"), ("-1.50", "-1.5"), ("2E+2", "200")],
)
def test_a_decimal_is_plain(value: str, text: str) -> None:
    assert plain_decimal(Decimal(value)) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=-(10**26), max_value=10**26))
def test_a_decimal_loses_no_digit(value: Decimal) -> None:
    assert Decimal(plain_decimal(value)) == value


@given(st.integers(min_value=-(2**62), max_value=2**63 - 1))
def test_a_time_loses_no_nanosecond(time_ns: int) -> None:
    assert nanoseconds(instant_text(time_ns, 9)) == time_ns
