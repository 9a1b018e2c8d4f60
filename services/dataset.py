"""Data sets of candles as they were known at a time, from the lake: the same call gives the same bytes, also later.

A data set as of T has what the lake had committed by T, and of each window the highest revision of then.
"""

import hashlib
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.exact import floor_instant
from schemas.lake import CANDLES, LakeError, one_line

if TYPE_CHECKING:
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.table import Table
    from pyiceberg.table.snapshots import Snapshot

KEY = ("symbol", "resolution", "window_start")
ORDER = (*KEY, "revision")
MANIFEST = "manifest.json"
SETTLED_NS = 10_000_000_000
"""A commit of a time so long ago is there, or will never be."""
ROW_GROUP = 100_000


@dataclass(frozen=True)
class Query:
    """What a data set holds: `as_of` in nanoseconds; `features` are fields of schemas/candle.avsc beside the key."""

    as_of: int
    symbols: tuple[str, ...]
    resolution: str
    features: tuple[str, ...]


def export(catalog: "SqlCatalog", query: Query, folder: Path) -> dict[str, Any]:
    """Write a Parquet file a symbol and their manifest, which is returned.

    Raises LakeError when the lake no longer knows how it was then, or has no such candle, or the folder is in use.
    """
    _check(query, folder)
    with one_line():
        table = catalog.load_table(CANDLES.identifier)
        snapshot = known_at(table, query.as_of)
        folder.mkdir(parents=True, exist_ok=True)
        files = [_write(table, snapshot, query, symbol, folder) for symbol in query.symbols]
    manifest = {
        "query": {**asdict(query), "as_of_time": _text(query.as_of)},
        "table": CANDLES.identifier,
        "table_uuid": str(table.metadata.table_uuid),
        "snapshot_id": snapshot.snapshot_id,
        "snapshot_time": _text(snapshot.timestamp_ms * 1_000_000),
        "rows": sum(file["rows"] for file in files),
        "files": files,
        "pyarrow": pa.__version__,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest


def known_at(table: "Table", as_of: int) -> "Snapshot":
    """The table as it was at a time. Raises LakeError when there was nothing, or that snapshot has been expired."""
    snapshot = table.snapshot_as_of_timestamp(as_of // 1_000_000)
    if snapshot is not None:
        return snapshot
    first = min(table.snapshots(), key=lambda each: each.timestamp_ms, default=None)
    if first is None:
        raise LakeError(f"{CANDLES.identifier} is empty")
    since = _text(first.timestamp_ms * 1_000_000)
    if first.sequence_number == 1:
        raise LakeError(f"{CANDLES.identifier} was empty at {_text(as_of)}: its first commit is of {since}")
    raise LakeError(f"{CANDLES.identifier} of {_text(as_of)} has been expired: the oldest that is left is of {since}")


def _check(query: Query, folder: Path) -> None:
    unknown = [name for name in query.features if name not in CANDLES.fields]
    if unknown:
        raise LakeError(f"{unknown[0]} is no feature: there are {', '.join(CANDLES.fields)}")
    if query.as_of > time.time_ns() - SETTLED_NS:
        raise LakeError(f"{_text(query.as_of)} is too late: a commit of then may be on its way until 10 s have passed")
    if folder.exists() and any(folder.iterdir()):
        raise LakeError(f"{folder} is not empty: name a new folder")


def _write(table: "Table", snapshot: "Snapshot", query: Query, symbol: str, folder: Path) -> dict[str, Any]:
    columns = list(dict.fromkeys([*KEY, *query.features]))
    rows = highest(_candles(table, snapshot, query, symbol)).select(columns)
    if not rows.num_rows:
        raise LakeError(f"the lake had no {query.resolution} candle of {symbol} at {_text(query.as_of)}")
    file = folder / f"{quote(symbol, safe='')}.parquet"
    pq.write_table(rows, file, compression="zstd", row_group_size=ROW_GROUP)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return {"file": file.name, "symbol": symbol, "rows": rows.num_rows, "sha256": digest}


def _candles(table: "Table", snapshot: "Snapshot", query: Query, symbol: str) -> pa.Table:
    from pyiceberg.expressions import And, EqualTo, Reference
    from pyiceberg.expressions.literals import literal

    of_symbol = EqualTo(term=Reference("symbol"), value=literal(symbol))
    wanted = And(of_symbol, EqualTo(term=Reference("resolution"), value=literal(query.resolution)))
    fields = tuple(dict.fromkeys([*ORDER, *query.features]))
    return table.scan(row_filter=wanted, selected_fields=fields, snapshot_id=snapshot.snapshot_id).to_arrow()


def highest(candles: pa.Table) -> pa.Table:
    """Of the candles of one symbol and resolution those with the highest revision, in the order of their windows."""
    ordered = candles.sort_by([("window_start", "ascending"), ("revision", "ascending")]).combine_chunks()
    starts = ordered["window_start"]
    if len(starts) < 2:
        return ordered
    last = pc.not_equal(starts.slice(0, len(starts) - 1), starts.slice(1)).to_pylist()
    return ordered.filter(pa.array([*last, True]))


def _text(nanoseconds_utc: int) -> str:
    return f"{floor_instant(nanoseconds_utc).isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"
