"""The tables of the lake follow from the Avro schemas."""

from pathlib import Path

import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.types import NestedField, StringType

from schemas import avro, lake
from schemas.lake import CANDLES, REJECTED, TABLES, TRADES, LakeError


def catalog(folder: Path, warehouse: str = "lake") -> SqlCatalog:
    return SqlCatalog(lake.CATALOG, uri=f"sqlite:///{folder}/catalog.db", warehouse=(folder / warehouse).as_uri())


@pytest.fixture
def made(tmp_path: Path) -> SqlCatalog:
    made = catalog(tmp_path)
    lake.create_missing(made)
    return made


def test_columns_are_those_of_the_schema_between_event_time_and_place() -> None:
    for table in TABLES:
        names = [field["name"] for field in avro.load(table.schema)["fields"] if field["name"] != "accumulator"]
        assert list(lake.columns(table).as_arrow().names) == ["event_time", *names, "kafka_partition", "kafka_offset"]


def test_a_column_may_be_null_where_the_schema_says_so_and_decimals_are_exact() -> None:
    columns = lake.columns(CANDLES)
    kinds = {name: str(columns.find_field(name)) for name in ("symbol", "open", "notional", "event_time")}
    assert [kind.split(": ", 2)[2] for kind in kinds.values()] == [
        "required string",
        "optional decimal(38, 12)",
        "optional decimal(38, 24)",
        "required timestamptz",
    ]
    assert not lake.columns(REJECTED).find_field("event_time").required  # a file has no Kafka timestamp


def test_tables_are_partitioned_by_day_and_symbol_and_made_once(made: SqlCatalog) -> None:
    table = made.load_table(TRADES.identifier)
    assert [f"{each.name} {each.transform}" for each in table.spec().fields] == ["day day", "symbol_bucket bucket[8]"]
    lake.create_missing(made)
    assert made.load_table(TRADES.identifier).metadata_location == table.metadata_location


def test_a_field_that_a_schema_gains_becomes_a_column(made: SqlCatalog, folder: Path) -> None:
    file = folder / "trade.avsc"
    gained = '{"name": "broker", "type": ["null", "string"], "default": null},'
    file.write_text(file.read_text().replace('{"name": "venue"', gained + '{"name": "venue"'))
    lake.create_missing(made)
    found = made.load_table(TRADES.identifier).schema().find_field("broker")
    assert found == NestedField(found.field_id, "broker", StringType(), required=False)


def test_a_catalog_keeps_one_lake(made: SqlCatalog, tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="another lake needs a database of its own"):
        lake.create_missing(catalog(tmp_path, "other"))


def test_java_gets_the_password_apart_from_the_address() -> None:
    found = lake.java_catalog("s3://lake", "postgresql://me:p%40ss@db:5432/lake?sslmode=require")
    assert found["uri"] == "jdbc:postgresql://db:5432/lake?sslmode=require"
    assert (found["jdbc.user"], found["jdbc.password"]) == ("me", "p@ss")


def test_a_database_that_is_not_there_is_one_line_without_the_password() -> None:
    with pytest.raises(LakeError) as raised:
        lake.connect("file:///lake", "postgresql://me:hidden@127.0.0.1:1/lake")
    assert "check lake_catalog" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "hidden" not in str(raised.value)
