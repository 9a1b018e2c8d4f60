"""What of a backfill needs no Flink: the plan, the input's check, the way in and out of Arrow."""

import csv
import gzip
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from deploy.backfill import cascade
from deploy.candle_files import batches, ordered, spool, write
from deploy.commands.backfill import backfill
from deploy.errors import UserError
from deploy.trades_input import LINE_BITS, Files, escaped, is_file
from schemas import avro
from schemas.arrow import arrow_schema
from services.csv_text import header, lines, plain

amounts = st.decimals(min_value=-(10**25), max_value=10**25, places=12)
cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@pytest.mark.parametrize(
    ("asked", "computed"),
    [
        (["1m", "1h"], ("1s", "1m", "1h")),
        (["1h", "1s", "1m"], ("1s", "1m", "1h")),
        (["2m"], ("1s", "2m")),
        (["1s"], ("1s",)),
        (["1m", "1m"], ("1s", "1m")),
    ],
)
def test_what_is_asked_for_is_rolled_up_from_seconds(asked: list[str], computed: tuple[str, ...]) -> None:
    assert cascade(asked) == computed


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (["2m", "5m"], "300 s cannot be rolled up from 120 s"),
        (["7m"], "7m does not divide a day"),
        (["1 minute"], "'1 minute' is not a resolution"),
        (["1m", "60s"], "60 s cannot be rolled up from 60 s"),
    ],
)
def test_a_resolution_that_cannot_be_is_refused_with_the_reason(asked: list[str], why: str) -> None:
    with pytest.raises(UserError, match=why):
        cascade(asked)


@given(st.lists(st.one_of(st.none(), amounts)))
def test_decimals_are_written_exactly_without_exponent_or_trailing_zeros(values: list[Decimal | None]) -> None:
    texts = plain(pa.array(values, pa.decimal128(38, 12))).to_pylist()
    assert [None if text is None else Decimal(text) for text in texts] == values
    for text in filter(None, texts):
        assert "E" not in text
        assert not ("." in text and text.endswith(("0", ".")))


def test_a_thousand_and_a_hundred_millionth_are_plain() -> None:
    column = pa.array([Decimal("1080"), Decimal("0.00000001"), Decimal(0), Decimal("-0.5")], pa.decimal128(38, 12))
    assert plain(column).to_pylist() == ["1080", "0.00000001", "0", "-0.5"]


@given(st.lists(st.tuples(cells, cells), min_size=1))
def test_any_text_survives_the_csv(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]) -> None:
    batch = pa.RecordBatch.from_arrays([pa.array(column) for column in zip(*rows, strict=True)], names=["a", "b"])
    file = tmp_path_factory.mktemp("csv") / "rows.csv"
    file.write_text(header(["a", "b"]) + lines(batch), encoding="utf-8", newline="")
    with file.open(newline="", encoding="utf-8") as text:
        assert [tuple(row) for row in csv.reader(text)] == [("a", "b"), *rows]


@given(st.lists(st.tuples(st.sampled_from(["A", "B", "C"]), st.integers(0, 50)), unique=True))
def test_rows_come_out_in_order_however_they_went_in(keys: list[tuple[str, int]]) -> None:
    schema = pa.schema([("symbol", pa.string()), ("window_start", pa.int64()), ("place", pa.int64())])
    rows = [{"symbol": symbol, "window_start": start, "place": i} for i, (symbol, start) in enumerate(keys)]
    table = pa.Table.from_pylist(rows, schema)
    out = [row for batch in ordered(table, ("symbol", "window_start")) for row in batch.to_pylist()]
    assert out == sorted(rows, key=lambda row: (row["symbol"], row["window_start"]))


def test_the_columns_are_those_of_the_schema() -> None:
    schema = arrow_schema("candle")
    assert schema.names == [field["name"] for field in avro.load("candle")["fields"]]
    assert schema.field("notional") == pa.field("notional", pa.decimal128(38, 24), nullable=True)
    assert schema.field("volume") == pa.field("volume", pa.decimal128(38, 12), nullable=False)
    assert schema.field("window_start") == pa.field("window_start", pa.int64(), nullable=False)


def test_part_files_are_read_as_flink_writes_them(tmp_path: Path) -> None:
    folder = tmp_path / "candles_1m"
    folder.mkdir()
    (folder / "part-0").write_text('"B ""b""",1m,60,120,1.08E+3,1E-12,,2,1E+1,,1E-24,1,0,60,61,true,0,,AQ==\n')
    (folder / "part-1").write_text('"A,a",1m,60,120,1,1,1,1,1,1,1,1,0,60,60,false,0,"late, again",AQ==\n')
    table = spool(folder, arrow_schema("candle"))
    first, second = table.to_pylist()
    assert (first["symbol"], first["open"], first["high"], first["low"]) == ('B "b"', 1080, Decimal("1E-12"), None)
    assert (first["volume"], first["notional"], first["complete"]) == (10, Decimal("1E-24"), True)
    assert (second["symbol"], second["complete"], second["revision_reason"]) == ("A,a", False, "late, again")

    write(tmp_path / "candles_1m.csv", table.schema, ordered(table, ("symbol", "window_start")))
    assert (tmp_path / "candles_1m.csv").read_text().splitlines()[1:] == [
        '"A,a",1m,60,120,1,1,1,1,1,1,1,1,0,60,60,false,0,"late, again"',
        '"B ""b""",1m,60,120,1080,0.000000000001,,2,10,,0.000000000000000000000001,1,0,60,61,true,0,',
    ]


def test_a_table_without_rows_has_a_header(tmp_path: Path) -> None:
    table = spool(tmp_path / "candles_1d", arrow_schema("candle"))
    assert table.num_rows == 0
    write(tmp_path / "candles_1d.csv", table.schema, ordered(table, ("symbol", "window_start")))
    assert (tmp_path / "candles_1d.csv").read_text() == ",".join(arrow_schema("candle").names[:-1]) + "\n"


def test_output_that_cannot_be_completed_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "candles_1m.csv"
    file.write_text("old")
    schema = arrow_schema("candle")
    (tmp_path / "candles_1m").mkdir()
    (tmp_path / "candles_1m" / "part-0").write_text("A,1m,not a number\n")
    with pytest.raises(pa.ArrowInvalid):
        write(file, schema, batches(tmp_path / "candles_1m", schema))
    assert {each.name for each in tmp_path.iterdir()} == {"candles_1m", "candles_1m.csv"}
    assert file.read_text() == "old"


def files(paths: Sequence[Path], folder: Path, renames: Mapping[str, str] | None = None) -> Files:
    return Files(paths, renames or {}, {}, folder)


def test_parquet_becomes_exact_csv_and_its_rows_are_counted_from_one(tmp_path: Path) -> None:
    rows: dict[str, Any] = {
        "when": pa.array([datetime(2023, 11, 14, 22, 13, 20, 1, UTC)] * 2, pa.timestamp("us", "UTC")),
        "symbol": pa.array(["A,\nB", "C"]).dictionary_encode(),
        "price": pa.array([Decimal("0.000000000001"), None], pa.decimal128(38, 12)),
        "size": pa.array([0.1, 1e-9]),
        "conditions": pa.array([["1", "14"], []], pa.list_(pa.string())),
        "note": pa.array(["not", "ours"]),
    }
    pq.write_table(pa.table(rows), tmp_path / "t.parquet")
    trades = files([tmp_path / "t.parquet"], tmp_path, {"ts_event": "when"})
    trades.prepare()
    copy = tmp_path / "trades-0.csv"
    with copy.open(newline="") as text:
        first, *found = csv.reader(text)
    assert first == ["when", "symbol", "price", "size", "conditions"]
    assert found[0][:2] == ["1700000000000001000", "A, B"]
    assert Decimal(found[0][2]) == Decimal("0.000000000001")
    assert (found[0][3:], found[1][2:]) == (["0.1", "1 14"], ["", "1e-9", ""])
    assert trades.count(0) == 2
    places = trades.places(pa.table({"offset": [2, 3]}))
    assert places["line"].to_pylist() == [1, 2]


def test_places_name_the_file_and_line_of_each_rejected_row(tmp_path: Path) -> None:
    trades = files([Path("a.csv"), Path("b.parquet")], tmp_path)
    places = trades.places(pa.table({"offset": [7, (1 << LINE_BITS) + 7]}))
    assert places["file"].to_pylist() == ["a.csv", "b.parquet"]
    assert places["line"].to_pylist() == [7, 6]


def test_rows_are_counted_without_header_and_blank_lines(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"ts_event,symbol,price,size\r\n1,A,1,1\r\n\r\n2,A,1,1\n\nbad\r\n\r")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"ts_event,symbol,price,size\n1,A,1,1"))
    trades = files([tmp_path / "a.csv", tmp_path / "b.csv.gz"], tmp_path)
    trades.prepare()
    assert trades.count(0) == 4


def test_odd_names_are_escaped_in_options(tmp_path: Path) -> None:
    trades = Files([], {"ts_event": "it's, a:b"}, {}, tmp_path)
    assert escaped("a;b'c") == "'a;b''c'"
    assert trades.connector_options()["columns"] == "'''ts_event'':''it''''s, a:b'''"


@pytest.mark.parametrize(
    ("name", "file"),
    [("trades.csv", True), ("x.PARQUET", True), ("./trades", True), ("md.trades.v1", False), ("trades", False)],
)
def test_a_name_is_a_files_or_a_topics(name: str, file: bool) -> None:
    assert is_file(name) is file


def command(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(backfill, ["candles", *map(str, arguments)])
    return result.exit_code, str(result.exception) + result.output


def test_a_wrong_header_is_told_before_flink_starts_with_the_option_that_mends_it(tmp_path: Path) -> None:
    trades, out = tmp_path / "trades.csv", tmp_path / "out"
    trades.write_text("timestamp,symbol,price,size\n1,A,1,1\n")
    code, said = command("--trades", trades, "--out", out)
    assert code == 1
    assert f"{trades}: no column ts_event" in said
    assert "--map ts_event=timestamp" in said
    assert list(out.iterdir()) == []


def test_a_file_that_is_not_there_and_a_time_without_a_zone_are_named(tmp_path: Path) -> None:
    assert f"{tmp_path}/none.csv: cannot be read" in command("--trades", tmp_path / "none.csv", "--out", tmp_path)[1]
    naive = pa.table({"ts_event": pa.array([0], pa.timestamp("us")), "symbol": ["A"], "price": ["1"], "size": ["1"]})
    pq.write_table(naive, tmp_path / "naive.parquet")
    said = command("--trades", tmp_path / "naive.parquet", "--out", tmp_path)[1]
    assert "ts_event is timestamp[us] without a zone" in said


def test_an_output_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "t.csv").write_text("ts_event,symbol,price,size\n")
    said = command("--trades", tmp_path / "t.csv", "--out", tmp_path / "file" / "out")[1]
    assert f"{tmp_path}/file/out: Not a directory" in said


def test_topics_are_read_one_at_a_time_and_as_they_are(tmp_path: Path) -> None:
    assert "one topic a run" in command("--trades", "a.v1", "b.v1", "--out", tmp_path)[1]
    assert "--map and --set are for files" in command("--trades", "a.v1", "--set", "venue=X", "--out", tmp_path)[1]


def test_a_broker_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.trades_topic.TIMEOUT_S", 1)
    said = command("--trades", "md.trades.v1", "--brokers", "127.0.0.1:1", "--out", tmp_path)[1]
    assert "no broker answers at 127.0.0.1:1" in said
