"""Flink SQL columns generated from the Avro schemas."""

from typing import Any

from schemas import avro

SIMPLE = {
    "string": "STRING",
    "enum": "STRING",
    "long": "BIGINT",
    "int": "INT",
    "bytes": "BYTES",
    "boolean": "BOOLEAN",
    "double": "DOUBLE",
}


def columns(name: str) -> str:
    """The columns of schemas/<name>.avsc, one a line, as they stand in CREATE TABLE or ROW<…>.

    Raises ValueError naming the field when a type has no counterpart here.
    """
    return ",\n".join(f"`{column}` {sql}" for column, sql in types(name).items())


def types(name: str) -> dict[str, str]:
    """The SQL type of each column. Raises ValueError as above."""
    return {field["name"]: _type(name, field) for field in avro.load(name)["fields"]}


def _type(name: str, field: dict[str, Any]) -> str:
    try:
        return _sql(field["type"])
    except ValueError as error:
        raise ValueError(f"schemas/{name}.avsc, field {field['name']}: {error}") from error


def _sql(avro_type: Any) -> str:
    """A type with its nullability: in Flink SQL a column is nullable unless it says NOT NULL."""
    match avro_type:
        case ["null", present] | [present, "null"]:
            return _not_null(present)
        case _:
            return f"{_not_null(avro_type)} NOT NULL"


def _not_null(avro_type: Any) -> str:
    match avro_type:
        case {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}:
            return f"DECIMAL({precision}, {scale})"
        case {"type": "array", "items": items}:
            return f"ARRAY<{_sql(items)}>"
        case {"type": "record", "fields": [*fields]}:
            listed = (f"`{field['name']}` {_sql(field['type'])}" for field in fields)
            return f"ROW<{', '.join(listed)}>"
        case {"logicalType": _}:
            pass  # times are plain longs: Flink's Avro formats misread the logical ones
        case {"type": str(simple)} | str(simple) if simple in SIMPLE:
            return SIMPLE[simple]
    raise ValueError(f"no Flink SQL type for {avro_type}")
