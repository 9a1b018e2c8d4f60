"""The models say what the Avro schemas say, and take nothing that would change on its way."""

import types
import typing
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from schemas import avro, models
from schemas.codec import Decoder, Encoder
from schemas.models import (
    Bar,
    BookLevel,
    BookUpdate,
    Candle,
    EnrichedTrade,
    LateTrades,
    MarketStatus,
    Quality,
    QualityEvent,
    Quote,
    Record,
    RejectedTrade,
    ReplayedTrade,
    Signal,
    Trade,
)

TYPES: list[tuple[Any, Any]] = [
    (str, "string"),
    (bool, "boolean"),
    (bytes, "bytes"),
    (float, "double"),
    (models.Int, "int"),
    (models.Long, "long"),
    (models.Nanoseconds, "long"),
    (models.Instant, "long"),
    (models.Amount, {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 12}),
    (models.Confidence, {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 12}),
    (models.Notional, {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 24}),
    (tuple[str, ...], {"type": "array", "items": "string"}),
]
ENUMS = {
    ("new", "cancel", "correct"): "TradeAction",
    ("buy", "sell"): "Aggressor",
    ("bid", "ask"): "BookSide",
    ("buy", "sell", "close"): "SignalDirection",
}

TRADE: dict[str, Any] = {
    "symbol": "BTC-USD",
    "ts_event": 1_385_337_600_123_456_789,
    "price": Decimal("812.12"),
    "size": Decimal("0.5"),
}
QUOTE: dict[str, Any] = {
    "symbol": "BTC-USD.KRAKEN",
    "ts_event": 1_385_337_600_123_456_789,
    "bid_price": Decimal("812.11"),
    "bid_size": Decimal("0.5"),
}
BOOK: dict[str, Any] = {
    "symbol": "BTC-USD.KRAKEN",
    "ts_event": 1_385_337_600_123_456_789,
    "is_snapshot": True,
    "levels": [{"side": "bid", "price": Decimal("812.11"), "size": Decimal(0)}],
}
CANDLE: dict[str, Any] = {
    "symbol": "BTC-USD",
    "resolution": "1m",
    "window_start": datetime(2013, 11, 25, tzinfo=UTC),
    "window_end": datetime(2013, 11, 25, 0, 1, tzinfo=UTC),
    "volume": Decimal("0.5"),
    "notional": Decimal("406.06"),
    "trade_count": 1,
    "duplicate_count": 0,
    "first_ts_event": 1_385_337_600_123_456_789,
    "last_ts_event": 1_385_337_600_123_456_789,
    "complete": True,
    "revision": 0,
}
BAR: dict[str, Any] = {
    "symbol": "BTC-USD",
    "kind": "tick_imbalance",
    "size": Decimal(100),
    "number": 0,
    **dict.fromkeys(("open", "high", "low", "close", "vwap"), Decimal("812.12")),
    "volume": Decimal("0.5"),
    "notional": Decimal("406.06"),
    "buy_volume": Decimal("0.5"),
    "trade_count": 1,
    "buy_count": 1,
    "sell_count": 0,
    "duplicate_count": 0,
    "first_ts_event": 1_385_337_600_123_456_789,
    "last_ts_event": 1_385_337_600_123_456_789,
    "theta": Decimal(1),
    "threshold": Decimal("0.999999999999"),
}
REJECTED: dict[str, Any] = {
    "value": b"\x00garbage",
    "rule": "framing",
    "reason": "too short",
    "topic": "md.trades.v1",
    "partition": 3,
    "offset": 7,
}
REPLAYED: dict[str, Any] = {
    "topic": "md.trades.v1",
    "partition": 3,
    "offset": 7,
    "rule": "size",
    "ts_replayed": 1_385_337_600_123_456_789,
}
LATE: dict[str, Any] = {
    "symbol": "BTC-USD",
    "second": 1_385_337_600_000_000_000,
    "reason": "late",
    "trades": 2,
}
STATUS: dict[str, Any] = {
    "symbol": "BTC-USD",
    "calendar": "24/7",
    "status": "silent",
    "since": 1_385_337_900_000_000_000,
    "session_date": "2013-11-25",
    "last_candle_end": 1_385_337_600_000_000_000,
}
QUALITY: dict[str, Any] = {
    "symbol": "BTC-USD",
    "window_start": 1_385_337_600_000_000_000,
    "window_end": 1_385_337_660_000_000_000,
    "revision": 0,
    "trades": 8,
    "duplicates": 2,
    "rejected": 0,
    "flagged": 0,
    "late": 0,
    "uniqueness": 0.8,
}
GAP: dict[str, Any] = {
    "symbol": "BTC-USD",
    "kind": "gap",
    "ts_event": 1_385_337_600_000_000_000,
    "ts_until": 1_385_337_601_000_000_000,
    "first_sequence": 7,
    "last_sequence": 9,
}
SIGNAL: dict[str, Any] = {
    "signal_id": "webhook/alerts/msg_1",
    "source": "webhook/alerts",
    "author": "desk",
    "symbol": "BTC-USD",
    "direction": "buy",
    "confidence": Decimal("0.8"),
    "ts_event": 1_385_337_600_123_456_789,
    "ts_recv": 1_385_337_600_223_456_789,
}
EXAMPLES = [
    Trade(**TRADE),
    Quote(**QUOTE),
    EnrichedTrade(**TRADE, partition=1, offset=7, action="new", multiplier=Decimal(50), expired=False),
    BookUpdate(**BOOK),
    Candle(**CANDLE),
    Bar(**BAR),
    RejectedTrade(**REJECTED),
    ReplayedTrade(**REPLAYED),
    LateTrades(**LATE),
    MarketStatus(**STATUS),
    Quality(**QUALITY),
    QualityEvent(**GAP),
    Signal(**SIGNAL),
]


def avro_type(hint: Any) -> Any:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        present = next(branch for branch in typing.get_args(hint) if branch is not types.NoneType)
        return ["null", avro_type(present)]
    if typing.get_origin(hint) is typing.Literal:
        return {"type": "enum", "name": ENUMS[typing.get_args(hint)], "symbols": list(typing.get_args(hint))}
    if hint == tuple[BookLevel, ...]:
        return {"type": "array", "items": {"type": "record", "name": "BookLevel", "fields": avro_fields(BookLevel)}}
    same = [avro for python, avro in TYPES if python == hint]
    return same[0] if same else avro_type(typing.get_args(hint)[0])


def avro_field(name: str, hint: Any, field: FieldInfo) -> dict[str, Any]:
    default = list(field.default) if isinstance(field.default, tuple) else field.default
    optional = {} if field.is_required() else {"default": default}
    return {"name": name, "type": avro_type(hint), **optional}


def avro_fields(model: type[BaseModel]) -> list[dict[str, Any]]:
    hints = typing.get_type_hints(model, include_extras=True)
    return [avro_field(name, hints[name], field) for name, field in model.model_fields.items()]


def undocumented(schema: Any) -> Any:
    """A schema without what it says to people."""
    if isinstance(schema, list):
        return [undocumented(each) for each in schema]
    if isinstance(schema, dict):
        return {key: undocumented(value) for key, value in schema.items() if key != "doc"}
    return schema


@pytest.mark.parametrize("model", models.MODELS, ids=lambda model: model.schema_name)
def test_model_and_schema_agree_field_by_field(model: type[Record]) -> None:
    assert avro_fields(model) == undocumented(avro.load(model.schema_name)["fields"])


def test_every_schema_has_a_model() -> None:
    assert sorted(model.schema_name for model in models.MODELS) == avro.names()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.schema_name)
def test_a_model_survives_the_wire(example: Record) -> None:
    name = example.schema_name
    message = Encoder(1, name).encode(example.to_avro())
    record = Decoder(name, lambda _id: avro.load(name)).decode(message)
    assert type(example).from_avro(record) == example


@given(
    price=st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=-(10**26) + 1, max_value=10**26 - 1),
    ts_event=st.integers(-(2**63), 2**63 - 1),
    sequence=st.none() | st.integers(-(2**63), 2**63 - 1),
    conditions=st.lists(st.text()),
)
def test_any_trade_survives_the_wire(
    price: Decimal, ts_event: int, sequence: int | None, conditions: list[str]
) -> None:
    trade = Trade.from_avro(
        TRADE | {"price": price, "ts_event": ts_event, "sequence": sequence, "conditions": conditions}
    )
    message = Encoder(1, "trade").encode(trade.to_avro())
    record = Decoder("trade", lambda _id: avro.load("trade")).decode(message)
    assert record == trade.to_avro()
    assert Trade.from_avro(record) == trade


def test_a_trade_takes_times_of_any_zone_and_gives_them_in_utc() -> None:
    trade = Trade(**TRADE | {"ts_event": "2013-11-25T01:00:00.123456789+01:00"})
    assert trade.ts_event == 1_385_337_600_123_456_789
    assert trade.event_time == datetime(2013, 11, 25, 0, 0, 0, 123_456, tzinfo=UTC)
    assert trade.receive_time is None


def test_the_bounds_of_a_candle_are_nanoseconds_on_the_wire() -> None:
    record = Candle(**CANDLE).to_avro()
    assert record["window_start"] == 1_385_337_600_000_000_000
    assert record["window_end"] == 1_385_337_660_000_000_000
    assert Candle.from_avro(record) == Candle(**CANDLE)


def test_a_notional_keeps_24_decimal_places() -> None:
    smallest = Decimal("0.000000000000000000000001")
    assert Candle(**CANDLE | {"notional": smallest}).notional == smallest


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price", 812.12),
        ("price", "0.0000000000001"),
        ("price", Decimal("99999999999999999999999999.9999999999999")),
        ("price", None),
        ("symbol", None),
        ("symbol", 7),
        ("ts_event", datetime(2013, 11, 25)),  # noqa: DTZ001
        ("ts_event", 1.5),
        ("sequence", 2**63),
        ("sequence", 1.0),
        ("action", "bust"),
        ("colour", "red"),
    ],
)
def test_a_trade_refuses_what_would_change_on_its_way_and_names_the_field(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        Trade(**TRADE | {field: value})
    assert [error["loc"] for error in refused.value.errors()] == [(field,)]


def test_records_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Trade(**TRADE).price = Decimal(1)  # type: ignore[misc]
