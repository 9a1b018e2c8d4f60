"""Confluent framing, writer schemas older and newer than ours, and bytes that are no record."""

import io
from decimal import Decimal
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import avro
from schemas.codec import CodecError, Decoder, Encoder, schema_id

TRADE: dict[str, Any] = {
    "symbol": "BTC-USD",
    "venue": "BITSTAMP",
    "trade_id": "1",
    "sequence": None,
    "ts_event": 1_385_337_600_123_456_789,
    "ts_recv": None,
    "price": Decimal("812.120000000001"),
    "size": Decimal("0.5"),
    "conditions": ["14"],
    "action": "new",
    "original_trade_id": None,
    "original_ts_event": None,
    "aggressor": None,
}
OURS = avro.load("trade")
MESSAGE = Encoder(258, "trade").encode(TRADE)


def with_fields(*fields: dict[str, Any]) -> dict[str, Any]:
    return {**OURS, "fields": [*fields]}


def of_type(name: str, avro_type: Any) -> dict[str, Any]:
    return with_fields(*({**field, "type": avro_type} if field["name"] == name else field for field in OURS["fields"]))


def foreign(schema: dict[str, Any], record: dict[str, Any]) -> bytes:
    """A message of another producer: fastavro as it comes."""
    buffer = io.BytesIO()
    buffer.write(b"\x00\x00\x00\x00\x09")
    fastavro.schemaless_writer(buffer, schema, record)
    return buffer.getvalue()


def decode(message: bytes, written: dict[str, Any] = OURS) -> dict[str, Any]:
    return Decoder("trade", lambda _id: written).decode(message)


def test_a_message_is_a_zero_byte_the_schema_id_and_the_record() -> None:
    record = io.BytesIO(MESSAGE[5:])
    assert MESSAGE[:5] == b"\x00\x00\x00\x01\x02"
    assert fastavro.schemaless_reader(record, OURS, None) == TRADE
    assert schema_id(MESSAGE) == 258


def test_fields_left_out_take_the_default_of_the_schema() -> None:
    required = {name: TRADE[name] for name in ("symbol", "ts_event", "price", "size")}
    record = decode(Encoder(1, "trade").encode(required))
    assert record["action"] == "new"
    assert record["conditions"] == []
    assert record["venue"] is None


def test_a_writer_older_than_ours_reads_with_our_defaults() -> None:
    older = with_fields(*(field for field in OURS["fields"] if field["name"] not in ("conditions", "ts_recv")))
    written = {name: value for name, value in TRADE.items() if name not in ("conditions", "ts_recv")}
    assert decode(foreign(older, written), older) == {**TRADE, "conditions": [], "ts_recv": None}


def test_a_writer_newer_than_ours_reads_without_its_new_field() -> None:
    side = {"name": "side", "type": ["null", "string"], "default": None}
    newer = with_fields(side, *OURS["fields"])
    assert decode(foreign(newer, {**TRADE, "side": "buy"}), newer) == TRADE


def test_a_narrower_integer_of_a_writer_is_widened() -> None:
    narrower = of_type("ts_event", "int")
    assert decode(foreign(narrower, {**TRADE, "ts_event": 7}), narrower)["ts_event"] == 7


def test_a_decimal_of_another_scale_is_refused_and_not_misread() -> None:
    finer = of_type("price", {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 18})
    with pytest.raises(CodecError, match=r"schema 9 writes price as decimal\(38, 18\), not as decimal\(38, 12\)"):
        decode(foreign(finer, TRADE), finer)


def test_an_action_we_do_not_know_is_refused_and_not_taken_for_new() -> None:
    actions = {"type": "enum", "name": "TradeAction", "symbols": ["new", "cancel", "correct", "bust"]}
    newer = of_type("action", actions)
    with pytest.raises(CodecError, match="bust"):
        decode(foreign(newer, {**TRADE, "action": "bust"}), newer)
    assert decode(foreign(newer, TRADE), newer) == TRADE


def test_a_schema_id_is_looked_up_once() -> None:
    asked: list[int] = []

    def lookup(identity: int) -> dict[str, Any]:
        asked.append(identity)
        return OURS

    decoder = Decoder("trade", lookup)
    assert [decoder.decode(MESSAGE) for _ in range(3)] == [TRADE] * 3
    assert asked == [258]


def test_what_the_lookup_raises_goes_through_and_is_asked_again() -> None:
    def lookup(identity: int) -> dict[str, Any]:
        raise ConnectionError(f"no answer about {identity}")

    decoder = Decoder("trade", lookup)
    for _ in range(2):
        with pytest.raises(ConnectionError, match="no answer about 258"):
            decoder.decode(MESSAGE)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "0 bytes are too few"),
        (MESSAGE[:5], "5 bytes are too few"),
        (b"\x01" + MESSAGE[1:], "the first byte is 1, not 0"),
        (b'{"symbol": "BTC-USD"}', "the first byte is 123, not 0"),
        (MESSAGE[:-1], "no trade: "),
        (MESSAGE + b"\x00", "1 bytes after the record"),
        (MESSAGE[:5] + b"\xff" * 40, "no trade: "),
    ],
)
def test_bytes_that_are_no_record_give_a_reason(message: bytes, reason: str) -> None:
    with pytest.raises(CodecError, match=reason):
        decode(message)


@given(st.binary(max_size=200))
def test_garbage_is_a_record_or_a_codec_error_and_nothing_else(garbage: bytes) -> None:
    try:
        record = decode(MESSAGE[:5] + garbage)
    except CodecError:
        return
    assert record.keys() == TRADE.keys()


@given(st.integers(0, len(MESSAGE) - 1))
def test_no_cut_message_reads_as_a_trade(length: int) -> None:
    with pytest.raises(CodecError):
        decode(MESSAGE[:length])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price", 812.12),
        ("price", Decimal("1e30")),
        ("price", Decimal("0.0000000000001")),
        ("price", Decimal("NaN")),
        ("price", None),
        ("ts_event", 1.5),
        ("ts_event", None),
        ("ts_event", 2**63),
        ("sequence", 2**63),
        ("symbol", None),
        ("action", "bust"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_before_it_is_written(field: str, value: Any) -> None:
    with pytest.raises(CodecError, match="no trade: "):
        Encoder(1, "trade").encode({**TRADE, field: value})


def test_a_record_without_a_required_field_is_refused() -> None:
    with pytest.raises(CodecError, match="price"):
        Encoder(1, "trade").encode({name: value for name, value in TRADE.items() if name != "price"})
