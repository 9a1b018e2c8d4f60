"""Of each window the highest revision; of a time what was committed by then."""

import time
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyiceberg.catalog.sql import SqlCatalog

from schemas import lake
from schemas.lake import CANDLES, LakeError
from services.dataset import MANIFEST, Query, export, highest, known_at

IN_THE_FUTURE = 4_102_444_800 * 10**9
LONG_AGO = 1_700_000_000_000_000_000


@pytest.fixture
def catalog(tmp_path: Path) -> SqlCatalog:
    catalog = SqlCatalog("lake", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=(tmp_path / "lake").as_uri())
    lake.create_missing(catalog)
    return catalog


@given(st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5))).flatmap(lambda found: st.permutations(sorted(found))))
def test_of_each_window_the_highest_revision_stays_in_order(rows: list[tuple[int, int]]) -> None:
    table = pa.table({"window_start": [row[0] for row in rows], "revision": [row[1] for row in rows]})
    table = table.cast(pa.schema([("window_start", pa.int64()), ("revision", pa.int32())]))
    kept = [(row["window_start"], row["revision"]) for row in highest(table).to_pylist()]
    assert kept == sorted(dict(sorted(rows)).items())


def commit(catalog: SqlCatalog) -> int:
    """Make a snapshot; returns its id."""
    table = catalog.load_table(CANDLES.identifier)
    with table.transaction() as transaction:
        transaction.update_snapshot().fast_append().commit()
    time.sleep(0.002)
    snapshot = table.current_snapshot()
    assert snapshot
    return snapshot.snapshot_id


def test_the_snapshot_of_a_time_is_the_last_one_by_then(catalog: SqlCatalog) -> None:
    first = commit(catalog)
    between = time.time_ns()
    second = commit(catalog)
    table = catalog.load_table(CANDLES.identifier)
    assert known_at(table, between).snapshot_id == first
    assert known_at(table, time.time_ns()).snapshot_id == second


def test_what_was_never_there_and_what_has_been_expired_are_told_apart(catalog: SqlCatalog) -> None:
    with pytest.raises(LakeError, match=r"md\.candles is empty"):
        known_at(catalog.load_table(CANDLES.identifier), LONG_AGO)
    first = commit(catalog)
    between = time.time_ns()
    commit(catalog)
    with pytest.raises(LakeError, match="was empty at 2023-11-14T22:13:20"):
        known_at(catalog.load_table(CANDLES.identifier), LONG_AGO)
    catalog.load_table(CANDLES.identifier).maintenance.expire_snapshots().by_id(first).commit()
    with pytest.raises(LakeError, match="has been expired: the oldest that is left is of 20"):
        known_at(catalog.load_table(CANDLES.identifier), between)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"features": ("close", "rsi")}, "rsi is no feature: there are symbol, resolution"),
        ({"as_of": IN_THE_FUTURE}, "is too late"),
        ({}, "is not empty: name a new folder"),
    ],
)
def test_what_cannot_be_exported_is_told(
    catalog: SqlCatalog, tmp_path: Path, changed: dict[str, int], reason: str
) -> None:
    query = {"as_of": LONG_AGO, "symbols": ("A",), "resolution": "1m", "features": ("close",)}
    with pytest.raises(LakeError, match=reason):
        export(catalog, Query(**{**query, **changed}), tmp_path)  # type: ignore[arg-type]
    assert not (tmp_path / MANIFEST).exists()
