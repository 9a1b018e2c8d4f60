"""One frozen model a schema: the same fields in the same order, exact decimals, times that know their zone.

`to_avro` gives the record that `schemas.codec` writes, `from_avro` takes the one it reads. A value that does
not fit its field exactly is refused with pydantic's ValidationError (a ValueError) naming the field.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from schemas.exact import Fixed, floor_instant, instant, nanoseconds

PRICE = Fixed(38, 12)
NOTIONAL = Fixed(38, 24)

Amount = Annotated[Decimal, BeforeValidator(PRICE.fit)]
"""A price or size: decimal(38, 12)."""
Confidence = Annotated[Decimal, BeforeValidator(PRICE.fit), Field(ge=0, le=1)]
"""From 0 to 1, as decimal(38, 12)."""
Notional = Annotated[Decimal, BeforeValidator(NOTIONAL.fit)]
"""Price times size: decimal(38, 24)."""
Nanoseconds = Annotated[int, BeforeValidator(nanoseconds)]
"""Since the Unix epoch, UTC; takes an aware datetime or ISO-8601 with a zone as well."""
Instant = Annotated[datetime, BeforeValidator(instant)]
"""Aware, in UTC; a long of nanoseconds on the wire, and taken as one."""
Long = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
Int = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]


class Record(BaseModel):
    """What the models share."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    schema_name: ClassVar[str]
    """Name of the schema: schemas/<schema_name>.avsc."""

    @classmethod
    def from_avro(cls, record: dict[str, Any]) -> Self:
        """The model of a decoded Avro record. Raises pydantic.ValidationError when it is none."""
        return cls.model_validate(record)

    def to_avro(self) -> dict[str, Any]:
        """The Avro record: decimals as Decimal, times as integer nanoseconds."""
        return dict(self.__dict__)


class Trade(Record):
    """One message of a trade feed: a trade, or the cancel or correction of an earlier one."""

    schema_name = "trade"

    symbol: str
    venue: str | None = None
    trade_id: str | None = None
    sequence: Long | None = None
    ts_event: Nanoseconds
    ts_recv: Nanoseconds | None = None
    price: Amount
    size: Amount
    conditions: Annotated[tuple[str, ...], Field(strict=False)] = ()
    action: Literal["new", "cancel", "correct"] = "new"
    original_trade_id: str | None = None
    original_ts_event: Nanoseconds | None = None
    aggressor: Literal["buy", "sell"] | None = None

    @property
    def event_time(self) -> datetime:
        """When it happened at the venue, cut to the microsecond."""
        return floor_instant(self.ts_event)

    @property
    def receive_time(self) -> datetime | None:
        """When it was received, cut to the microsecond."""
        return _floor(self.ts_recv)

    @property
    def original_event_time(self) -> datetime | None:
        """When the trade it cancels or corrects happened, cut to the microsecond."""
        return _floor(self.original_ts_event)

    def to_avro(self) -> dict[str, Any]:
        """The Avro record: decimals as Decimal, times as integer nanoseconds, conditions as a list."""
        return {**self.__dict__, "conditions": list(self.conditions)}


class EnrichedTrade(Record):
    """A valid message of the trades topic with the version of its instrument that held at its time, if there is one."""

    schema_name = "enriched_trade"

    symbol: str
    venue: str | None = None
    trade_id: str | None = None
    partition: Int
    offset: Long
    ts_event: Nanoseconds
    price: Amount
    size: Amount
    action: str
    original_trade_id: str | None = None
    original_ts_event: Nanoseconds | None = None
    valid_from: Nanoseconds | None = None
    type: str | None = None
    currency: str | None = None
    multiplier: Amount | None = None
    underlying: str | None = None
    expiry: Nanoseconds | None = None
    strike: Amount | None = None
    option_right: str | None = None
    notional: Amount | None = None
    expired: bool | None = None

    @property
    def event_time(self) -> datetime:
        """When it happened at the venue, cut to the microsecond."""
        return floor_instant(self.ts_event)


class Quote(Record):
    """Best bid and offer of an instrument at a venue."""

    schema_name = "quote"

    symbol: str
    venue: str | None = None
    sequence: Long | None = None
    ts_event: Nanoseconds
    ts_recv: Nanoseconds | None = None
    bid_price: Amount | None = None
    bid_size: Amount | None = None
    ask_price: Amount | None = None
    ask_size: Amount | None = None

    @property
    def event_time(self) -> datetime:
        """Since when it holds, cut to the microsecond."""
        return floor_instant(self.ts_event)

    @property
    def receive_time(self) -> datetime | None:
        """When it was received, cut to the microsecond."""
        return _floor(self.ts_recv)


class BookLevel(BaseModel):
    """Units at a price of an order book from now on; 0: the level is gone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    side: Literal["bid", "ask"]
    price: Amount
    size: Amount


class BookUpdate(Record):
    """What has changed in the order book of an instrument at a venue, or the whole of it."""

    schema_name = "book_update"

    symbol: str
    venue: str | None = None
    first_sequence: Long | None = None
    sequence: Long | None = None
    ts_event: Nanoseconds
    ts_recv: Nanoseconds | None = None
    is_snapshot: bool
    levels: Annotated[tuple[BookLevel, ...], Field(strict=False)]
    depth: Int | None = None
    checksum: Long | None = None
    price_digits: Int | None = None
    size_digits: Int | None = None

    @property
    def event_time(self) -> datetime:
        """When the book became so, cut to the microsecond."""
        return floor_instant(self.ts_event)

    @property
    def receive_time(self) -> datetime | None:
        """When it was received, cut to the microsecond."""
        return _floor(self.ts_recv)

    def to_avro(self) -> dict[str, Any]:
        """The Avro record: decimals as Decimal, times as integer nanoseconds, levels as a list of records."""
        return {**self.__dict__, "levels": [dict(each) for each in self.levels]}


class BookDepth(Record):
    """What an order book looks like at the end of an interval in which it changed."""

    schema_name = "book_depth"

    symbol: str
    venue: str | None = None
    window_end: Nanoseconds
    sequence: Long | None = None
    spread: Amount | None = None
    mid: Amount | None = None
    microprice: Amount | None = None
    imbalance: Amount | None = None
    bid_liquidity: Amount | None = None
    ask_liquidity: Amount | None = None
    update_count: Long
    levels: Annotated[tuple[BookLevel, ...], Field(strict=False)]

    @property
    def window_end_time(self) -> datetime:
        """When the book was so."""
        return floor_instant(self.window_end)

    def to_avro(self) -> dict[str, Any]:
        """The Avro record: decimals as Decimal, times as integer nanoseconds, levels as a list of records."""
        return {**self.__dict__, "levels": [dict(each) for each in self.levels]}


class QuoteCandle(Record):
    """The consolidated best bid and offer of an instrument in one window [window_start, window_end)."""

    schema_name = "quote_candle"

    symbol: str
    resolution: str
    window_start: Nanoseconds
    window_end: Nanoseconds
    bid_open: Amount | None = None
    bid_high: Amount | None = None
    bid_low: Amount | None = None
    bid_close: Amount | None = None
    ask_open: Amount | None = None
    ask_high: Amount | None = None
    ask_low: Amount | None = None
    ask_close: Amount | None = None
    mid_open: Amount | None = None
    mid_high: Amount | None = None
    mid_low: Amount | None = None
    mid_close: Amount | None = None
    spread: Amount | None = None
    quoted_ns: Long
    locked_ns: Long
    crossed_ns: Long
    quote_count: Long
    venue_count: Int

    @property
    def window_start_time(self) -> datetime:
        """Start of the window."""
        return floor_instant(self.window_start)


class QuotedTrade(Record):
    """A trade with the quote in force at its time."""

    schema_name = "quoted_trade"

    symbol: str
    venue: str | None = None
    trade_id: str | None = None
    sequence: Long | None = None
    ts_event: Nanoseconds
    price: Amount
    size: Amount
    bid_price: Amount | None = None
    bid_size: Amount | None = None
    ask_price: Amount | None = None
    ask_size: Amount | None = None
    quote_ts_event: Nanoseconds | None = None
    aggressor: str | None = None
    aggressor_source: str | None = None
    effective_spread: Amount | None = None
    realised_spread: Amount | None = None

    @property
    def event_time(self) -> datetime:
        """When it happened at the venue, cut to the microsecond."""
        return floor_instant(self.ts_event)


class OrderFlow(Record):
    """Who traded against whom in one window [window_start, window_end)."""

    schema_name = "order_flow"

    symbol: str
    resolution: str
    window_start: Nanoseconds
    window_end: Nanoseconds
    trade_count: Long
    quote_count: Long
    buy_volume: Amount
    sell_volume: Amount
    unknown_volume: Amount
    effective_spread: Amount | None = None
    realised_spread: Amount | None = None
    order_flow_imbalance: Amount | None = None

    @property
    def window_start_time(self) -> datetime:
        """Start of the window."""
        return floor_instant(self.window_start)


class Candle(Record):
    """Open, high, low, close and volume of one window [window_start, window_end)."""

    schema_name = "candle"

    symbol: str
    resolution: str
    window_start: Instant
    window_end: Instant
    open: Amount | None = None
    high: Amount | None = None
    low: Amount | None = None
    close: Amount | None = None
    volume: Amount
    vwap: Amount | None = None
    notional: Notional | None = None
    trade_count: Long
    duplicate_count: Long
    first_ts_event: Nanoseconds | None = None
    last_ts_event: Nanoseconds | None = None
    complete: bool
    revision: Int
    revision_reason: str | None = None
    accumulator: bytes | None = None

    @property
    def first_event_time(self) -> datetime | None:
        """When the first trade happened, cut to the microsecond."""
        return _floor(self.first_ts_event)

    @property
    def last_event_time(self) -> datetime | None:
        """When the last trade happened, cut to the microsecond."""
        return _floor(self.last_ts_event)

    def to_avro(self) -> dict[str, Any]:
        """The Avro record: decimals as Decimal, times (the window's bounds too) as integer nanoseconds."""
        bounds = {name: nanoseconds(getattr(self, name)) for name in ("window_start", "window_end")}
        return {**self.__dict__, **bounds}


class Bar(Record):
    """Trades of one symbol from one sample to the next, sampled by activity instead of time."""

    schema_name = "bar"

    symbol: str
    kind: str
    size: Amount
    number: Long
    open: Amount
    high: Amount
    low: Amount
    close: Amount
    volume: Amount
    vwap: Amount
    notional: Notional | None = None
    buy_volume: Amount
    trade_count: Long
    buy_count: Long
    sell_count: Long
    duplicate_count: Long
    first_ts_event: Nanoseconds
    last_ts_event: Nanoseconds
    theta: Notional | None = None
    threshold: Amount | None = None

    @property
    def first_event_time(self) -> datetime:
        """When the first trade happened, cut to the microsecond."""
        return floor_instant(self.first_ts_event)

    @property
    def last_event_time(self) -> datetime:
        """When the last trade happened, cut to the microsecond."""
        return floor_instant(self.last_ts_event)


class RejectedTrade(Record):
    """A record of the trades topic that broke a rule: rejected, or flagged and counted."""

    schema_name = "rejected_trade"

    value: bytes | None = None
    rule: str
    reason: str
    topic: str
    partition: Int
    offset: Long
    schema_id: Int | None = None
    ts_kafka: Nanoseconds | None = None
    severity: str = "reject"
    symbol: str | None = None

    @property
    def kafka_time(self) -> datetime | None:
        """The record's Kafka timestamp, cut to the microsecond."""
        return _floor(self.ts_kafka)


class ReplayedTrade(Record):
    """A rejected record that was sent again, written in the transaction that sent it."""

    schema_name = "replayed_trade"

    topic: str
    partition: Int
    offset: Long
    rule: str
    changes: str | None = None
    ts_replayed: Nanoseconds

    @property
    def replay_time(self) -> datetime:
        """When it was sent again, cut to the microsecond."""
        return floor_instant(self.ts_replayed)


class LateTrades(Record):
    """Trades that came after their second was published, or a message that changes a trade."""

    schema_name = "late_trades"

    symbol: str
    second: Nanoseconds
    reason: str
    trades: Long
    venue: str | None = None
    trade_id: str | None = None
    ts_event: Nanoseconds | None = None
    price: Amount | None = None
    size: Amount | None = None
    partition: Int | None = None
    first_offset: Long | None = None
    last_offset: Long | None = None
    watermark: Nanoseconds | None = None

    @property
    def second_time(self) -> datetime:
        """Start of the second concerned."""
        return floor_instant(self.second)

    @property
    def event_time(self) -> datetime | None:
        """When the trade happened, cut to the microsecond, where it is known."""
        return _floor(self.ts_event)


class QualityEvent(Record):
    """Something about a feed that a reader of its data should know."""

    schema_name = "quality_event"

    symbol: str
    kind: str
    ts_event: Nanoseconds
    venue: str | None = None
    trade_id: str | None = None
    partition: Int | None = None
    offset: Long | None = None
    first_sequence: Long | None = None
    last_sequence: Long | None = None
    ts_until: Nanoseconds | None = None
    condition: str | None = None

    @property
    def event_time(self) -> datetime:
        """The time it concerns, cut to the microsecond."""
        return floor_instant(self.ts_event)


class Quality(Record):
    """How good the data of a symbol's minute is."""

    schema_name = "quality"

    symbol: str
    window_start: Nanoseconds
    window_end: Nanoseconds
    revision: Int
    trades: Long
    duplicates: Long
    rejected: Long
    flagged: Long
    late: Long
    missing: Long | None = None
    lag_p50_ms: Long | None = None
    lag_p99_ms: Long | None = None
    completeness: float | None = None
    uniqueness: float | None = None
    validity: float | None = None
    timeliness: float | None = None
    consistency: float | None = None
    accuracy: float | None = None
    score: float | None = None
    finding: str | None = None

    @property
    def window_start_time(self) -> datetime:
        """Start of the minute."""
        return floor_instant(self.window_start)


class MarketStatus(Record):
    """What a symbol's market and feed do from an instant on."""

    schema_name = "market_status"

    symbol: str
    calendar: str
    status: str
    since: Nanoseconds
    session_date: str | None = None
    last_candle_end: Nanoseconds

    @property
    def since_time(self) -> datetime:
        """First instant of the status."""
        return floor_instant(self.since)


class Signal(Record):
    """What somebody advises to do with an instrument, as it was said."""

    schema_name = "signal"

    signal_id: str
    source: str
    author: str
    symbol: str
    direction: Literal["buy", "sell", "close"]
    confidence: Confidence | None = None
    ts_event: Nanoseconds
    ts_recv: Nanoseconds
    text: str | None = None

    @property
    def event_time(self) -> datetime:
        """When it was said, cut to the microsecond."""
        return floor_instant(self.ts_event)

    @property
    def receive_time(self) -> datetime:
        """When it was received, cut to the microsecond."""
        return floor_instant(self.ts_recv)


MODELS: tuple[type[Record], ...] = (
    Trade,
    EnrichedTrade,
    Quote,
    BookUpdate,
    BookDepth,
    QuoteCandle,
    QuotedTrade,
    OrderFlow,
    Candle,
    Bar,
    RejectedTrade,
    ReplayedTrade,
    LateTrades,
    QualityEvent,
    Quality,
    MarketStatus,
    Signal,
)


def _floor(nanoseconds_utc: int | None) -> datetime | None:
    return None if nanoseconds_utc is None else floor_instant(nanoseconds_utc)
