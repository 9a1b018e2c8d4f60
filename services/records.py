"""The records of the topics as plain Python: what the Avro schemas of the same name decode to."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, TypedDict

CandleRecord = Mapping[str, Any]
"""A candle as in schemas/candle.avsc: values exact, times in nanoseconds since the epoch, UTC."""


Aggressor = Literal["buy", "sell"]
"""Who took what the other side had offered."""


class QuoteRecord(TypedDict):
    """A quote as in schemas/quote.avsc: prices and sizes exact, times in nanoseconds since the epoch, UTC."""

    symbol: str
    venue: str | None
    sequence: int | None
    ts_event: int
    ts_recv: int | None
    bid_price: Decimal | None
    bid_size: Decimal | None
    ask_price: Decimal | None
    ask_size: Decimal | None


class LevelRecord(TypedDict):
    """A level of a book update: `bid` or `ask`, and the units at a price from now on."""

    side: str
    price: Decimal
    size: Decimal


class BookRecord(TypedDict):
    """An update as in schemas/book_update.avsc: prices and sizes exact, times in nanoseconds since the epoch, UTC."""

    symbol: str
    venue: str | None
    first_sequence: int | None
    sequence: int | None
    ts_event: int
    ts_recv: int | None
    is_snapshot: bool
    levels: list[LevelRecord]
    depth: int | None
    checksum: int | None
    price_digits: int | None
    size_digits: int | None


class TradeRecord(TypedDict):
    """A trade as in schemas/trade.avsc: prices and sizes exact, times in nanoseconds since the epoch, UTC."""

    symbol: str
    venue: str | None
    trade_id: str | None
    sequence: int | None
    ts_event: int
    ts_recv: int | None
    price: Decimal
    size: Decimal
    conditions: list[str]
    action: str
    original_trade_id: str | None
    original_ts_event: int | None
    aggressor: Aggressor | None
