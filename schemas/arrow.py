"""Arrow columns of a schema: times and counts as int64, decimals exact."""

from typing import Any

import pyarrow as pa

from schemas import avro

SIMPLE = {"string": pa.string(), "bytes": pa.string(), "boolean": pa.bool_(), "int": pa.int64(), "long": pa.int64()}
"""Bytes are text in base64, as Flink writes them to CSV."""


def arrow_schema(name: str) -> pa.Schema:
    """The columns of schemas/<name>.avsc."""
    return pa.schema([_field(field["name"], field["type"]) for field in avro.load(name)["fields"]])


def _field(name: str, avro_type: Any) -> pa.Field:
    match avro_type:
        case ["null", present]:
            return _field(name, present).with_nullable(True)
        case {"logicalType": "decimal", "precision": precision, "scale": scale}:
            return pa.field(name, pa.decimal128(precision, scale), nullable=False)
        case {"type": str(simple)} | str(simple):
            return pa.field(name, SIMPLE[simple], nullable=False)
    raise ValueError(f"no Arrow type for {avro_type}")
