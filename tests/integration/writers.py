"""Writer schemas of trades, older, newer and other than ours, as producers of other teams register them."""

import copy
import json
from decimal import Decimal
from typing import Any
from uuid import uuid4

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from schemas import avro

OURS = avro.load("trade")
REQUIRED = ("symbol", "ts_event", "price", "size")


def register(registry: SchemaRegistryClient, schema: dict[str, Any] | str, kind: str = "AVRO") -> int:
    """Register a schema under a subject of its own; returns its id."""
    text = schema if isinstance(schema, str) else json.dumps(schema)
    return int(registry.register_schema(f"test.{uuid4().hex}-value", Schema(text, kind)))


def without_logical_types(node: Any) -> Any:
    """A schema by which bytes are written as they are."""
    if isinstance(node, dict):
        return {key: without_logical_types(value) for key, value in node.items() if key != "logicalType"}
    return [without_logical_types(each) for each in node] if isinstance(node, list) else node


def _fields() -> dict[str, dict[str, Any]]:
    return {each["name"]: copy.deepcopy(each) for each in OURS["fields"]}


def _older() -> dict[str, Any]:
    """Before there was anything optional."""
    return {**OURS, "fields": [_fields()[name] for name in REQUIRED]}


def _newer() -> dict[str, Any]:
    """With further fields of every Avro type, between ours."""
    extra = [
        {"name": f"more_{number}", "type": each, "default": default} for number, (each, default, _) in enumerate(MORE)
    ]
    ours = list(_fields().values())
    half = len(ours) // 2
    return {**OURS, "fields": [*extra[:4], *ours[:half], *extra[4:], *ours[half:]]}


def _other() -> dict[str, Any]:
    """Fields in another order, the price as fixed with 18 digits, the size with 6 and nullable."""
    fields = _fields()
    fields["price"]["type"] = {
        "type": "fixed",
        "name": "Price",
        "size": 16,
        "logicalType": "decimal",
        "precision": 38,
        "scale": 18,
    }
    fields["size"]["type"] = ["null", {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 6}]
    fields["symbol"]["type"] = ["string", "null"]
    return {**OURS, "fields": list(reversed(fields.values()))}


NESTED = {
    "type": "record",
    "name": "Nested",
    "fields": [
        {"name": "deep", "type": {"type": "map", "values": {"type": "array", "items": "double"}}},
        {"name": "price", "type": "string"},
    ],
}
CENTS = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
MORE: list[tuple[Any, Any, Any]] = [
    ("boolean", True, False),
    ("int", -7, 2**31 - 1),
    ("long", 2**62, -(2**63)),
    ("float", 1.5, 0.5),
    ("double", -2.5, 1e300),
    ("string", "é", "ü"),
    ("bytes", "\x01\x02", b"\0" * 200),
    ("null", None, None),
    ({"type": "fixed", "name": "Five", "size": 5}, "12345", b"abcde"),
    ({"type": "enum", "name": "Colour", "symbols": ["red", "green"]}, "green", "red"),
    ({"type": "array", "items": {"type": "array", "items": "long"}}, [], [[1, 2], [], [2**40]]),
    ({"type": "map", "values": ["null", "string"]}, {}, {"a": None, "b": "c"}),
    (["string", "null", "long"], "x", 2**40),
    (NESTED, {"deep": {}, "price": ""}, {"deep": {"x": [1.0, 2.0]}, "price": "not ours"}),
    (CENTS, "\x01", Decimal("1.25")),
]
"""Type, default and a value of each further field of NEWER."""
VALUES: dict[str, Any] = {f"more_{number}": value for number, (_, _, value) in enumerate(MORE)}

OLDER, NEWER, OTHER = _older(), _newer(), _other()
