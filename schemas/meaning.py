"""What an Avro type stands for beyond its bytes: logical types, which Avro's own resolution ignores."""

from typing import Any

PLAIN = "plain"
CARRIERS = {"boolean", "int", "long", "float", "double", "bytes", "string", "fixed"}


def meanings(avro_type: Any) -> set[str]:
    """The logical types, with their parameters, of the values of a type; PLAIN for those without."""
    match avro_type:
        case list():
            return set().union(*map(meanings, avro_type))
        case {"logicalType": _}:
            return {words(avro_type)}
        case {"type": "array", "items": inner} | {"type": "map", "values": inner}:
            return meanings(inner)
        case {"type": "record", "fields": fields}:
            return set().union(*(meanings(field["type"]) for field in fields))
        case {"type": str(kind)} | str(kind) if kind in CARRIERS:
            return {PLAIN}
    return set()


def misread(written: Any, read: Any) -> bool:
    """Whether a value of one type, resolved by Avro's rules as the other, could stand for something else."""
    return bool(meanings(written) - meanings(read))


def words(avro_type: Any) -> str:
    """A type in plain words, such as "null or decimal(38, 12)"."""
    match avro_type:
        case list():
            return " or ".join(map(words, avro_type))
        case {"logicalType": "decimal", "precision": precision}:
            return f"decimal({precision}, {avro_type.get('scale', 0)})"
        case {"logicalType": str(logical)}:
            return logical
        case {"type": "array", "items": inner}:
            return f"array of {words(inner)}"
        case {"type": "map", "values": inner}:
            return f"map of {words(inner)}"
        case {"type": str(kind)}:
            return f"{kind} {avro_type['name']}" if "name" in avro_type else kind
    return str(avro_type)
