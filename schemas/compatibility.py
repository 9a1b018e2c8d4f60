"""BACKWARD_TRANSITIVE: whatever was written with any earlier version can be read with the schema of today.

Names, defaults and types are judged by Avro's own rules, field by field; logical types, which those rules
ignore, are judged here.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from avro.compatibility import (
    ReaderWriterCompatibilityChecker,
    SchemaCompatibilityResult,
    SchemaCompatibilityType,
    SchemaIncompatibilityType,
    check_schema_names,
    lookup_writer_field,
)
from avro.errors import AvroException
from avro.schema import Field, RecordSchema, Schema, parse

from schemas import avro
from schemas.meaning import misread, words


@dataclass(frozen=True)
class Break:
    """Why records written with an earlier version cannot be read: the field and the rule, in plain words."""

    place: str
    """Such as "field price"."""
    rule: str

    def __str__(self) -> str:
        return f"{self.place}: {self.rule}"


def check(name: str) -> list[str]:
    """What stands between schemas/<name>.avsc and its committed history, one line a finding.

    Raises ValueError when the schema or a version of it is not valid Avro.
    """
    schema, history = avro.load(name), avro.history(name)
    if found := breaks(schema, history):
        return [f"{name}.avsc, {broken}" for broken in found]
    newest = max(history, default=0)
    if history.get(newest) == schema:
        return []
    return [f"{name}.avsc changed: add it as schemas/history/{name}/{newest + 1}.avsc"]


def breaks(schema: dict[str, Any], earlier: Mapping[int, dict[str, Any]]) -> list[Break]:
    """Every break between a record schema and earlier versions of it, by version number.

    Raises ValueError when one of them is not a valid Avro record schema.
    """
    name = schema.get("name")
    reader = _parse(schema, f"schema {name}")
    return [
        broken
        for version, writer in sorted(earlier.items())
        for broken in _breaks(reader, _parse(writer, f"version {version} of schema {name}"), version)
    ]


def _breaks(reader: RecordSchema, writer: RecordSchema, version: int) -> Iterator[Break]:
    if _is_broken(check_schema_names(reader, writer, [])):
        yield Break(f"record {reader.name}", f"called {writer.name} in version {version}, without an alias")
    for field in reader.fields:
        written = lookup_writer_field(writer, field)
        rule = _field_rule(field, written, version)
        if rule:
            yield Break(f"field {field.name}", rule)


def _field_rule(field: Field, written: Field | None, version: int) -> str | None:
    """The rule a field breaks, or None."""
    if written is None:
        missing = f"added without a default, so records written with version {version} cannot be read"
        return None if field.has_default else missing
    if misread(written.type.to_json(), field.type.to_json()):
        return f"{_change(field, written)}, so values written with version {version} would be misread"
    result = ReaderWriterCompatibilityChecker().get_compatibility(field.type, written.type)
    return _type_rule(field, written, version, result) if _is_broken(result) else None


def _type_rule(field: Field, written: Field, version: int, result: SchemaCompatibilityResult) -> str:
    unreadable = f"so records written with version {version} cannot be read"
    kinds = set(result.incompatibilities)
    if kinds == {SchemaIncompatibilityType.missing_enum_symbols}:
        return f"enum symbols {', '.join(_removed_symbols(field, written))} removed, {unreadable}"
    if _is_nullable(written.type) and not _is_nullable(field.type):
        return f"no longer nullable, {unreadable}"
    return f"{_change(field, written)}, {unreadable}"


def _change(field: Field, written: Field) -> str:
    return f"type changed from {words(written.type.to_json())} to {words(field.type.to_json())}"


def _removed_symbols(field: Field, written: Field) -> list[str]:
    return [symbol for symbol in _symbols(written.type) if symbol not in _symbols(field.type)]


def _symbols(schema: Schema) -> list[str]:
    branches = getattr(schema, "schemas", [schema])
    return [symbol for branch in branches for symbol in getattr(branch, "symbols", [])]


def _is_nullable(schema: Schema) -> bool:
    return any(branch.type == "null" for branch in getattr(schema, "schemas", [schema]))


def _is_broken(result: SchemaCompatibilityResult) -> bool:
    return result.compatibility is SchemaCompatibilityType.incompatible


def _parse(schema: dict[str, Any], place: str) -> RecordSchema:
    try:
        parsed = parse(json.dumps(schema))
    except AvroException as error:
        raise ValueError(f"{place} is not valid Avro: {error}") from error
    if not isinstance(parsed, RecordSchema):
        raise ValueError(f"{place} is a {parsed.type}, not a record")
    return parsed
