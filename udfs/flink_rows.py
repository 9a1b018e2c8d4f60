"""Between Avro schemas, Python values and the DataStream API of PyFlink."""

from collections.abc import Callable, Iterator, MutableMapping
from typing import Any, TypeVar

from pyflink.common import TypeInformation, Types
from pyflink.datastream.state import MapState

from schemas import avro

Key = TypeVar("Key")
Value = TypeVar("Value")

TYPES = {
    "string": Types.STRING(),
    "long": Types.LONG(),
    "int": Types.INT(),
    "boolean": Types.BOOLEAN(),
    "bytes": Types.PRIMITIVE_ARRAY(Types.BYTE()),
}


def row_type(name: str) -> TypeInformation:
    """The type of rows with the columns of schemas/<name>.avsc."""
    fields = avro.load(name)["fields"]
    return Types.ROW_NAMED([field["name"] for field in fields], [_type(field["type"]) for field in fields])


def _type(avro_type: Any) -> TypeInformation:
    match avro_type:
        case ["null", present]:
            return _type(present)
        case {"logicalType": "decimal"}:
            return Types.BIG_DEC()
        case _:
            return TYPES[avro_type]


class StoredMap(MutableMapping[Key, Value]):
    """Map state of the current key as a mapping, its values turned to bytes and back."""

    def __init__(
        self, state: MapState, to_bytes: Callable[[Value], bytes], from_bytes: Callable[[Key, bytes], Value]
    ) -> None:
        self._state, self._to_bytes, self._from_bytes = state, to_bytes, from_bytes

    def __getitem__(self, key: Key) -> Value:
        data = self._state.get(key)
        if data is None:
            raise KeyError(key)
        return self._from_bytes(key, data)

    def __setitem__(self, key: Key, value: Value) -> None:
        self._state.put(key, self._to_bytes(value))

    def __delitem__(self, key: Key) -> None:
        self._state.remove(key)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._state.keys())

    def __len__(self) -> int:
        return sum(1 for _ in self)
