"""Messages that are no valid trades, each with the rules one of which it must be rejected by."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import fastavro
from confluent_kafka.schema_registry import SchemaRegistryClient

from schemas.codec import HEADER, MAGIC, Encoder
from tests.integration.candle_job import START_NS
from tests.integration.writers import OURS, register, without_logical_types
from tests.services.tape import trade

MINUTE_NS = 60 * 10**9
FULL: dict[str, Any] = {
    "symbol": "AB",
    "venue": "X",
    "trade_id": "7",
    "sequence": 300,
    "ts_recv": START_NS,
    "conditions": ["@", "odd lot"],
    "original_trade_id": "6",
    "original_ts_event": START_NS,
}


@dataclass(frozen=True)
class Poison:
    """A message, and the rules one of which must be named when it is rejected."""

    says: str
    value: bytes | None
    rules: set[str]
    schema_id: int | None = None
    kept: int | None = None
    """How many of its bytes are kept, None for all."""


def everything(registry: SchemaRegistryClient, encoder: Encoder, schema_id: int) -> Iterator[Poison]:
    """All poison there is. The registry gets the odd writer schemas that some of it needs."""
    yield from _frames(registry, schema_id)
    yield from _cuts(encoder, schema_id)
    yield from _garbage(schema_id)
    yield from _values(encoder, schema_id)
    yield from _schemas(registry)


def _frames(registry: SchemaRegistryClient, schema_id: int) -> Iterator[Poison]:
    yield Poison("a tombstone", None, {"empty"})
    yield Poison("an empty value", b"", {"empty"})
    yield Poison("plain JSON", b'{"symbol": "A"}', {"magic"})
    for unknown in (0, 2**31 - 1):
        yield Poison(f"schema id {unknown}", HEADER.pack(MAGIC, unknown) + b"x", {"schema_id"}, unknown)
    yield Poison("a schema id of 32 ones", b"\0\xff\xff\xff\xffx", {"schema_id"})
    protobuf = register(registry, 'syntax = "proto3"; message A { int32 a = 1; }', "PROTOBUF")
    yield Poison("a schema that is not Avro", HEADER.pack(MAGIC, protobuf) + b"x", {"schema_id"}, protobuf)
    for size in (999_999, 1_040_000):
        large = HEADER.pack(MAGIC, schema_id) + bytes(size - HEADER.size)
        yield Poison(f"{size} zeros", large, {"price"}, schema_id, min(size, 1_000_000))


def _cuts(encoder: Encoder, schema_id: int) -> Iterator[Poison]:
    whole = encoder.encode(trade(START_NS, "12.5", "3", **FULL))
    for length in range(1, len(whole)):
        named = schema_id if length >= HEADER.size else None
        yield Poison(f"cut to {length} bytes", whole[:length], {"truncated", "malformed"}, named)
    yield Poison("a byte too many", whole + b"\0", {"trailing"}, schema_id)


def _garbage(schema_id: int) -> Iterator[Poison]:
    dice = random.Random(7)
    rules = {"truncated", "malformed", "trailing", "price", "size", "ts_event", "symbol", "future", "original"}
    for number in range(100):
        noise = dice.randbytes(dice.randint(1, 300))
        yield Poison(f"noise {number}", bytes([dice.randint(1, 255)]) + noise, {"magic"})
        framed = HEADER.pack(MAGIC, schema_id) + noise
        yield Poison(f"framed noise {number}", framed, rules | {"venue", "trade_id", "action"}, schema_id)


def _values(encoder: Encoder, schema_id: int) -> Iterator[Poison]:
    def broken(says: str, rule: str, price: str = "1", size: str = "1", **fields: Any) -> Poison:
        made = trade(START_NS, price, size)
        return Poison(says, encoder.encode({**made, **fields}), {rule}, schema_id)

    yield broken("no symbol", "symbol", symbol="")
    yield broken("a symbol of 257 bytes", "symbol", symbol="x" * 257)
    yield broken("a symbol of 257 bytes in 129 letters", "symbol", symbol="é" * 128 + "x")
    for wrong in (b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80"):
        valid = encoder.encode(trade(START_NS, symbol="?" * len(wrong)))
        spoilt = valid.replace(b"?" * len(wrong), wrong)
        yield Poison(f"a symbol of bytes {wrong.hex()}", spoilt, {"symbol"}, schema_id)
    yield broken("a long venue", "venue", venue="x" * 257)
    yield broken("a long id", "trade_id", trade_id="x" * 257)
    yield broken("price 0", "price", price="0")
    yield broken("a negative price", "price", price="-0.000000000001")
    yield broken("size 0", "size", size="0")
    yield broken("a negative size", "size", size="-1")
    yield broken("size 10^18", "size", size="1000000000000000000")
    yield broken("no time", "ts_event", ts_event=0)
    yield broken("a time before 1970", "ts_event", ts_event=-START_NS)
    yield broken("the earliest time", "ts_event", ts_event=-(2**63))
    yield broken("the latest time", "future", ts_event=2**63 - 1)
    yield broken("years ahead of its Kafka timestamp", "future", ts_event=START_NS + 20 * 365 * 1440 * MINUTE_NS)
    ahead = START_NS + 5 * MINUTE_NS + 1
    yield broken("ahead of its receipt", "future", ts_event=ahead, ts_recv=START_NS)
    yield broken("received before 1970", "future", ts_recv=-1)
    yield broken("a cancel of nothing", "original", action="cancel", original_ts_event=START_NS)
    yield broken("a cancel of no id", "original", action="cancel", original_trade_id="", original_ts_event=START_NS)
    yield broken("a cancel of no time", "original", action="cancel", original_trade_id="7")
    yield broken("a correction to price 0", "price", "0", action="correct", original_trade_id="7", original_ts_event=1)


def _schemas(registry: SchemaRegistryClient) -> Iterator[Poison]:
    def written(says: str, rules: set[str], changed: Mapping[str, Any], **values: Any) -> Poison:
        schema = {**OURS, "fields": [changed.get(each["name"], each) for each in OURS["fields"]]}
        schema["fields"] += [each for name, each in changed.items() if name.startswith("more_")]
        buffer = BytesIO()
        plain = fastavro.parse_schema(without_logical_types(schema))
        fastavro.schemaless_writer(buffer, plain, {**PLAIN, **values})
        named = register(registry, schema)
        return Poison(says, HEADER.pack(MAGIC, named) + buffer.getvalue(), rules, named)

    def amount(name: str, precision: int, scale: int) -> dict[str, Any]:
        logical = {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}
        return {name: {"name": name, "type": logical}}

    def units(value: int) -> bytes:
        return value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)

    yield written("a price of 39 digits", {"price"}, amount("price", 50, 12), price=units(10**38))
    yield written("a price finer than 12 digits", {"price"}, amount("price", 38, 20), price=units(1))
    yield written("a price too large once it has 12 digits", {"price"}, amount("price", 38, 0), price=units(10**26))
    millis = {"name": "ts_event", "type": {"type": "long", "logicalType": "timestamp-millis"}}
    yield written("a time in milliseconds", {"schema"}, {"ts_event": millis}, ts_event=START_NS // 10**6)
    yield written("a price that is a double", {"schema"}, {"price": {"name": "price", "type": "double"}}, price=1.5)
    absent = {"name": "price", "type": ["null", amount("price", 38, 12)["price"]["type"]]}
    yield written("a price that is null", {"price"}, {"price": absent}, price=None)
    bust = {"name": "action", "type": {"type": "enum", "name": "A", "symbols": ["new", "bust"]}}
    yield written("an unknown action", {"action"}, {"action": bust}, action="bust")
    nothing = {"name": "more_nothing", "type": {"type": "array", "items": "null"}}
    yield written("more items than bytes", {"malformed"}, {"more_nothing": nothing}, more_nothing=[None] * 10**6)
    link = {"type": "record", "name": "Link", "fields": [{"name": "next", "type": ["null", "Link"]}]}
    chain: dict[str, Any] = {"next": None}
    for _ in range(150):
        chain = {"next": chain}
    yield written(
        "records 150 deep", {"malformed"}, {"more_links": {"name": "more_links", "type": link}}, more_links=chain
    )


PLAIN: dict[str, Any] = {
    "symbol": "A",
    "ts_event": START_NS,
    "price": b"\1",
    "size": b"\1",
    "conditions": [],
    "action": "new",
}
