"""The columns of Flink SQL come from the Avro schemas."""

import json
from pathlib import Path

import pytest

from schemas import avro, ddl


def test_the_columns_of_a_trade() -> None:
    assert ddl.columns("trade").splitlines() == [
        "`symbol` STRING NOT NULL,",
        "`venue` STRING,",
        "`trade_id` STRING,",
        "`sequence` BIGINT,",
        "`ts_event` BIGINT NOT NULL,",
        "`ts_recv` BIGINT,",
        "`price` DECIMAL(38, 12) NOT NULL,",
        "`size` DECIMAL(38, 12) NOT NULL,",
        "`conditions` ARRAY<STRING NOT NULL> NOT NULL,",
        "`action` STRING NOT NULL,",
        "`original_trade_id` STRING,",
        "`original_ts_event` BIGINT,",
        "`aggressor` STRING",
    ]


def test_bytes_integers_and_booleans_have_their_types() -> None:
    assert "`value` BYTES,\n" in ddl.columns("rejected_trade")
    assert "`schema_id` INT,\n" in ddl.columns("rejected_trade")
    assert "`complete` BOOLEAN NOT NULL,\n" in ddl.columns("candle")
    assert "`notional` DECIMAL(38, 24),\n" in ddl.columns("candle")


def test_a_record_in_a_record_is_a_row() -> None:
    level = "ROW<`side` STRING NOT NULL, `price` DECIMAL(38, 12) NOT NULL, `size` DECIMAL(38, 12) NOT NULL> NOT NULL"
    assert ddl.types("book_update")["levels"] == f"ARRAY<{level}> NOT NULL"


@pytest.mark.parametrize("avro_type", ["float", {"type": "long", "logicalType": "timestamp-micros"}])
def test_a_type_that_flink_would_misread_is_refused_by_name(
    avro_type: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = {"type": "record", "name": "Quote", "fields": [{"name": "bid", "type": avro_type}]}
    (tmp_path / "quote.avsc").write_text(json.dumps(schema))
    monkeypatch.setattr(avro, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match=r"schemas/quote.avsc, field bid: no Flink SQL type for"):
        ddl.columns("quote")


def test_an_unknown_schema_is_answered_with_those_that_exist() -> None:
    with pytest.raises(ValueError, match="there is no schema 'book': the schemas are bar, book_depth, book_update, "):
        ddl.columns("book")
