"""The candles in the lake, for those who compare. The lake job writes them, and commits every few minutes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from schemas.lake import CANDLES, PLACE, LakeError, one_line
from services.candle_json import KEPT
from services.projections.store import Held, StoreError, highest
from services.records import CandleRecord

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog


def load(catalog: "Catalog") -> "LakeCandles":
    """What the lake of a catalog holds as of its last commit. Raises StoreError."""
    try:
        with one_line():
            rows = catalog.load_table(CANDLES.identifier).scan(selected_fields=(*KEPT, *PLACE)).to_arrow()
    except LakeError as error:
        raise StoreError(str(error)) from error
    return LakeCandles(rows.to_pylist())


class LakeCandles(Held):
    """Rows of the table, with the fields KEPT and PLACE. A row that is there twice is read twice.

    The records that are asked for must have the fields PLACE: what stands behind the last row is not there yet.
    """

    name = "lake"

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self._rows = rows
        self._ends = dict[tuple[str, int], int]()
        for row in rows:
            topic = row["resolution"], row["kafka_partition"]
            self._ends[topic] = max(self._ends.get(topic, 0), row["kafka_offset"] + 1)

    def read(self) -> Iterator[dict[str, Any]]:
        seen = set[tuple[Any, ...]]()
        for row in self._rows:
            place = row["resolution"], *(row[name] for name in PLACE)
            if place in seen:
                yield row
            seen.add(place)
        yield from map(dict, highest(self._rows))

    def may_lack(self, candle: CandleRecord) -> bool:
        end = self._ends.get((candle["resolution"], candle["kafka_partition"]), 0)
        return bool(candle["kafka_offset"] >= end)

    def close(self) -> None:
        self._rows.clear()
