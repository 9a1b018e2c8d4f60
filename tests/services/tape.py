"""Trades and quotes for tests, with the fields that matter to the test."""

from decimal import Decimal
from typing import Any, cast

from services.records import QuoteRecord, TradeRecord


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
        "aggressor": None,
    }
    return cast("TradeRecord", record | fields)


def quote(ts_event: int, bid: str | None, ask: str | None, **fields: Any) -> QuoteRecord:
    """A quote of symbol A at venue V."""
    record: dict[str, Any] = {
        "symbol": "A",
        "venue": "V",
        "sequence": None,
        "ts_event": ts_event,
        "ts_recv": None,
        "bid_price": None if bid is None else Decimal(bid),
        "bid_size": None,
        "ask_price": None if ask is None else Decimal(ask),
        "ask_size": None,
    }
    return cast("QuoteRecord", record | fields)
