"""Candles for tests, with the fields that matter to the test."""

from decimal import Decimal
from typing import Any

from schemas import resolutions
from services.oracle import SECOND_NS

START_NS = 1_700_000_000 * SECOND_NS


def candle(number: int = 0, revision: int = 0, *, resolution: str = "1s", **fields: Any) -> dict[str, Any]:
    """The candle of a window so many lengths after START_NS, of one trade."""
    length = resolutions.seconds(resolution) * SECOND_NS
    start = START_NS // length * length + number * length
    price = Decimal(100 + revision)
    return {
        "symbol": "A",
        "resolution": resolution,
        "window_start": start,
        "window_end": start + length,
        **dict.fromkeys(("open", "high", "low", "close", "vwap", "notional"), price),
        "volume": Decimal(1),
        "trade_count": 1,
        "duplicate_count": 0,
        "first_ts_event": start + 1,
        "last_ts_event": start + 1,
        "complete": True,
        "revision": revision,
        "revision_reason": "late" if revision else None,
        "accumulator": None,
        **fields,
    }
