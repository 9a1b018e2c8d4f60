"""Trades for tests, with the fields that matter to the test."""

from decimal import Decimal
from typing import Any, cast

from services.records import TradeRecord


def trade(ts_event: int, price: str = "1", size: str = "1", **fields: Any) -> TradeRecord:
    """A new trade of symbol A."""
    record: dict[str, Any] = {
        "symbol": "A",
        "venue": None,
        "trade_id": None,
        "sequence": None,
        "ts_event": ts_event,
        "ts_recv": None,
        "price": Decimal(price),
        "size": Decimal(size),
        "conditions": [],
        "action": "new",
        "original_trade_id": None,
        "original_ts_event": None,
    }
    return cast("TradeRecord", record | fields)
