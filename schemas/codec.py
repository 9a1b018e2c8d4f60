"""Confluent-framed Avro: a zero byte, the schema id in four bytes (big-endian), the record.

fastavro moves the bytes; decimals are turned here, because it writes one that does not fit without a word.
"""

import struct
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

import fastavro

from schemas import avro
from schemas.exact import Fixed
from schemas.meaning import misread, words

MAGIC = 0
HEADER = struct.Struct(">BI")

Schema = dict[str, Any]
Decimals = list[tuple[str, Fixed]]
"""The decimal fields of a record and their precision and scale."""


class CodecError(ValueError):
    """A record that does not fit its schema, or bytes that are no record of it."""


class Encoder:
    """Writes records of schemas/<name>.avsc under the schema id they are registered with."""

    def __init__(self, schema_id: int, name: str) -> None:
        schema = avro.load(name)
        self._name = name
        self._header = HEADER.pack(MAGIC, schema_id)
        self._schema = _parse(schema)
        self._decimals, self._lists = _decimals(schema), _lists(schema)
        self._integers = [field["name"] for field in schema["fields"] if field["type"] in ("int", "long")]

    def encode(self, record: Mapping[str, Any]) -> bytes:
        """The framed bytes of a record: decimals as Decimal, times as int; a field left out is its default.

        Raises CodecError when a value does not fit its field exactly.
        """
        buffer = BytesIO()
        buffer.write(self._header)
        try:
            fastavro.schemaless_writer(buffer, self._schema, self._to_wire(record), disable_tuple_notation=True)
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise CodecError(f"no {self._name}: {error}") from error
        return buffer.getvalue()

    def _to_wire(self, record: Mapping[str, Any]) -> dict[str, Any]:
        wire = _to_wire(record, self._decimals)
        for name, decimals in self._lists:
            wire[name] = [_to_wire(each, decimals) for each in wire[name]]
        for name in self._integers:
            if type(wire[name]) is not int:  # fastavro would cut a float
                raise TypeError(f"{name} {wire[name]!r} is no integer")
        return wire


class Decoder:
    """Reads records of any compatible writer schema as records of schemas/<name>.avsc.

    `lookup` gives the parsed writer schema of an id and is asked once an id. What it raises goes through.
    """

    def __init__(self, name: str, lookup: Callable[[int], Schema]) -> None:
        self._name = name
        self._schema = avro.load(name)
        self._reader = _parse(self._schema)
        self._decimals, self._lists = _decimals(self._schema), _lists(self._schema)
        self._lookup = lookup
        self._plans: dict[int, tuple[Any, Any]] = {}

    def decode(self, message: bytes) -> dict[str, Any]:
        """The record of a message: decimals as Decimal, times as integers.

        Raises CodecError when the frame is wrong, the bytes end too early or go on after the record, or the
        writer's schema cannot be read as this one.
        """
        writer, reader = self._plan(schema_id(message))
        buffer = BytesIO(message)
        buffer.seek(HEADER.size)
        try:
            record: dict[str, Any] = fastavro.schemaless_reader(buffer, writer, reader)
            _from_wire(record, self._decimals)
            for name, decimals in self._lists:
                for each in record[name]:
                    _from_wire(each, decimals)
        except Exception as error:  # garbage makes fastavro raise anything
            raise CodecError(f"no {self._name}: {type(error).__name__} {error}") from error
        if buffer.tell() != len(message):
            raise CodecError(f"no {self._name}: {len(message) - buffer.tell()} bytes after the record")
        return record

    def _plan(self, identity: int) -> tuple[Any, Any]:
        """Writer and reader schema of an id; no reader where there is nothing to resolve, which is faster."""
        if identity not in self._plans:
            written = self._lookup(identity)
            _refuse_misreading(self._schema, written, identity)
            writer = _parse(written)
            self._plans[identity] = (writer, None if writer == self._reader else self._reader)
        return self._plans[identity]


class FieldReader:
    """Reads what the records of any writer say in the fields of schemas/<name>.avsc, fit or not.

    `lookup` gives the parsed writer schema of an id. What it raises goes through.
    """

    def __init__(self, name: str, lookup: Callable[[int], Schema]) -> None:
        self._name = name
        self._fields = avro.load(name)["fields"]
        self._lookup = lookup
        self._plans: dict[int, tuple[Any, dict[str, Fixed]]] = {}

    def read(self, message: bytes) -> dict[str, Any]:
        """The fields that are there and not null; decimals as Decimal, whatever their scale.

        Raises CodecError when the frame is wrong, the bytes end too early or go on after the record, or a field means
        something else to the writer.
        """
        writer, decimals = self._plan(schema_id(message))
        buffer = BytesIO(message)
        buffer.seek(HEADER.size)
        try:
            record: Any = fastavro.schemaless_reader(buffer, writer, None)
            found = {name: record[name] for name in self._names() if record.get(name) is not None}
            found |= {name: decimals[name].from_wire(value) for name, value in found.items() if name in decimals}
        except Exception as error:  # garbage makes fastavro raise anything
            raise CodecError(f"no {self._name}: {type(error).__name__} {error}") from error
        if buffer.tell() != len(message):
            raise CodecError(f"no {self._name}: {len(message) - buffer.tell()} bytes after the record")
        return found

    def _plan(self, identity: int) -> tuple[Any, dict[str, Fixed]]:
        """The writer's schema and its decimals."""
        if identity not in self._plans:
            written = self._lookup(identity)
            if not isinstance(written, dict) or "fields" not in written:
                raise CodecError(f"no {self._name}: schema {identity} is not a record's")
            decimals = dict(_decimals(written))
            others = [field for field in self._fields if field["name"] not in decimals]
            _refuse_misreading({"fields": others}, written, identity)
            self._plans[identity] = (_parse(written), decimals)
        return self._plans[identity]

    def _names(self) -> list[str]:
        return [field["name"] for field in self._fields]


def schema_id(message: bytes) -> int:
    """The schema id a message names. Raises CodecError when it is not framed."""
    if len(message) <= HEADER.size:
        raise CodecError(f"{len(message)} bytes are too few for a framed record")
    magic, identity = HEADER.unpack_from(message)
    if magic != MAGIC:
        raise CodecError(f"the first byte is {magic}, not {MAGIC}: not Confluent-framed Avro")
    return int(identity)


def _refuse_misreading(schema: Schema, written: Schema, identity: int) -> None:
    """Avro resolves bytes as bytes, whatever their scale is."""
    types = {field["name"]: field["type"] for field in written.get("fields", [])}
    for field in schema["fields"]:
        name = field["name"]
        if name in types and misread(types[name], field["type"]):
            raise CodecError(f"schema {identity} writes {name} as {words(types[name])}, not as {words(field['type'])}")


def _to_wire(record: Mapping[str, Any], decimals: Decimals) -> dict[str, Any]:
    wire = dict(record)
    for name, fixed in decimals:
        value = wire.get(name)
        if value is not None:
            wire[name] = fixed.to_wire(value)
    return wire


def _from_wire(record: dict[str, Any], decimals: Decimals) -> None:
    for name, fixed in decimals:
        if record[name] is not None:
            record[name] = fixed.from_wire(record[name])


def _lists(schema: Schema) -> list[tuple[str, Decimals]]:
    """The fields that are lists of records, and the decimals of these."""
    return [
        (field["name"], _decimals(items))
        for field in schema["fields"]
        if isinstance(field["type"], dict)
        and isinstance(items := field["type"].get("items"), dict)
        and "fields" in items
    ]


def _decimals(schema: Schema) -> Decimals:
    branches = [
        (field["name"], branch)
        for field in schema["fields"]
        for branch in (field["type"] if isinstance(field["type"], list) else [field["type"]])
    ]
    return [
        (name, Fixed(branch["precision"], branch["scale"]))
        for name, branch in branches
        if isinstance(branch, dict) and branch.get("logicalType") == "decimal"
    ]


def _parse(schema: Schema) -> Any:
    try:
        return fastavro.parse_schema(_without_logical_types(schema))
    except Exception as error:
        raise CodecError(f"not an Avro schema: {error}") from error


def _without_logical_types(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _without_logical_types(value) for key, value in node.items() if key != "logicalType"}
    return [_without_logical_types(item) for item in node] if isinstance(node, list) else node
