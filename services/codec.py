"""Confluent-framed Avro: magic byte 0, the schema's id in four bytes, the record."""

import json
import struct
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro

import schemas

HEADER = struct.Struct(">bI")


def load(name: str) -> dict[str, Any]:
    """The parsed schemas/<name>.avsc."""
    text = Path(next(iter(schemas.__path__)), f"{name}.avsc").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


class Encoder:
    """Writes records of schemas/<name>.avsc under a schema id."""

    def __init__(self, schema_id: int, name: str) -> None:
        self._header = HEADER.pack(0, schema_id)
        self._schema = fastavro.parse_schema(load(name))

    def encode(self, record: Mapping[str, Any]) -> bytes:
        buffer = BytesIO()
        buffer.write(self._header)
        fastavro.schemaless_writer(buffer, self._schema, record)
        return buffer.getvalue()


class Decoder:
    """Reads records of any writer schema as schemas/<name>.avsc."""

    def __init__(self, name: str, lookup: Callable[[int], dict[str, Any]]) -> None:
        self._reader = fastavro.parse_schema(load(name))
        self._lookup = lookup
        self._writers: dict[int, Any] = {}

    def decode(self, value: bytes) -> dict[str, Any]:
        _, schema_id = HEADER.unpack_from(value)
        if schema_id not in self._writers:
            self._writers[schema_id] = fastavro.parse_schema(self._lookup(schema_id))
        buffer = BytesIO(value[HEADER.size :])
        record: dict[str, Any] = fastavro.schemaless_reader(buffer, self._writers[schema_id], self._reader)
        return record
