"""A job goes on with the lake only from a savepoint that knows of everything that is committed there."""

from pathlib import Path

import pytest
from pyiceberg.catalog.sql import SqlCatalog

from deploy import paths
from jobs.continuity import HEADER, MAGIC, Commit, Continuity, checkpoint_number
from schemas import lake
from schemas.lake import CANDLES, TRADES, LakeError, LakeTable

GOLDEN = paths.ROOT / "tests" / "integration" / "savepoints"


@pytest.fixture
def catalog(tmp_path: Path) -> SqlCatalog:
    catalog = SqlCatalog("lake", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=(tmp_path / "lake").as_uri())
    lake.create_missing(catalog)
    return catalog


def commit(catalog: SqlCatalog, table: LakeTable, checkpoint: int | None = None) -> None:
    """A snapshot of a job's checkpoint, or one that no job has made."""
    said = {"flink.job-id": "abc", "flink.max-committed-checkpoint-id": str(checkpoint)} if checkpoint else {}
    with catalog.load_table(table.identifier).transaction() as transaction:
        transaction.update_snapshot(snapshot_properties=said).fast_append().commit()


def savepoint(folder: Path, checkpoint: int) -> str:
    folder.joinpath("_metadata").write_bytes(HEADER.pack(MAGIC, 5, checkpoint) + b"the rest")
    return str(folder)


def test_the_latest_commit_is_found_behind_compactions(catalog: SqlCatalog) -> None:
    commit(catalog, TRADES, 7)
    commit(catalog, TRADES, 9)
    commit(catalog, TRADES)
    commit(catalog, CANDLES, 8)
    assert Continuity(catalog).commits() == [Commit("md.candles", "abc", 8), Commit("md.trades", "abc", 9)]


@pytest.mark.parametrize("checkpoint", [9, 10])
def test_a_savepoint_of_the_latest_commit_or_later_is_gone_on_from(
    catalog: SqlCatalog, tmp_path: Path, checkpoint: int
) -> None:
    commit(catalog, TRADES, 9)
    Continuity(catalog).check(savepoint(tmp_path, checkpoint))


def test_an_older_savepoint_is_refused(catalog: SqlCatalog, tmp_path: Path) -> None:
    commit(catalog, TRADES, 9)
    commit(catalog, CANDLES, 10)
    with pytest.raises(
        LakeError, match=r"is of checkpoint 9, but md\.candles holds what job abc has committed up to 10"
    ):
        Continuity(catalog).check(savepoint(tmp_path, 9))


def test_an_empty_lake_is_begun_without_a_savepoint_and_only_so(catalog: SqlCatalog, tmp_path: Path) -> None:
    Continuity(catalog).check("")
    with pytest.raises(LakeError, match="the lake is empty"):
        Continuity(catalog).check(savepoint(tmp_path, 9))


def test_a_lake_with_rows_is_not_begun_again(catalog: SqlCatalog) -> None:
    commit(catalog, TRADES, 9)
    with pytest.raises(LakeError, match="job abc up to checkpoint 9 has committed, and would hold it twice"):
        Continuity(catalog).check("")


@pytest.mark.parametrize(("name", "number"), [("candles-0.1.0", 29), ("bars-0.1.0", 32)])
def test_the_number_of_a_savepoint_that_flink_wrote(name: str, number: int) -> None:
    assert checkpoint_number(str(GOLDEN / name)) == checkpoint_number((GOLDEN / name).as_uri()) == number


def test_what_is_no_savepoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="cannot be read"):
        checkpoint_number(str(tmp_path))
    tmp_path.joinpath("_metadata").write_bytes(bytes(100))
    with pytest.raises(LakeError, match="is no metadata of a savepoint"):
        checkpoint_number(str(tmp_path))
