"""Reading trades files: what is read, what is refused, and with which words."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.trades_cells import TradesFileError
from services.trades_file import BadRow, Row, TradesFile

HEADER = "ts_event,symbol,price,size\n"


@pytest.fixture
def csv_file(tmp_path: Path) -> Path:
    return tmp_path / "trades.csv"


def rows(path: Path, text: str | bytes, **options: dict[str, str]) -> list[Row | BadRow]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(TradesFile(path, **options).rows())


def only(found: list[Row | BadRow]) -> Row:
    (row,) = found
    assert isinstance(row, Row), row
    return row


def test_a_full_row_has_the_shape_of_the_trade_schema(csv_file: Path) -> None:
    text = (
        "ts_event,symbol,price,size,trade_id,sequence,venue,conditions,ts_recv\n"
        "1700000000000000001,AAPL,189.30,100,t-1,42,XNAS,0 37,1700000000000000099\n"
    )
    assert only(rows(csv_file, text)) == Row(
        2,
        {
            "symbol": "AAPL",
            "venue": "XNAS",
            "trade_id": "t-1",
            "sequence": 42,
            "ts_event": 1_700_000_000_000_000_001,
            "ts_recv": 1_700_000_000_000_000_099,
            "price": Decimal("189.30"),
            "size": Decimal(100),
            "conditions": ["0", "37"],
            "action": "new",
            "original_trade_id": None,
            "original_ts_event": None,
            "aggressor": None,
        },
    )


def test_absent_and_empty_optional_cells_stay_null(csv_file: Path) -> None:
    absent = only(rows(csv_file, HEADER + "1,A,1,1\n")).trade
    empty = only(rows(csv_file, HEADER.replace("\n", ",trade_id,sequence,venue,ts_recv\n") + "1,A,1,1,,,,\n")).trade
    assert absent == empty
    assert (absent["trade_id"], absent["sequence"], absent["venue"], absent["ts_recv"]) == (None,) * 4


def test_a_size_of_zero_is_not_the_readers_to_judge(csv_file: Path) -> None:
    assert only(rows(csv_file, HEADER + "1,A,-5,0\n")).trade["size"] == 0


def test_columns_are_renamed_and_filled(csv_file: Path) -> None:
    found = rows(
        csv_file,
        "timestamp,px,amount\n1,2,3\n",
        renames={"ts_event": "timestamp", "price": "px", "size": "amount"},
        constants={"symbol": "BTC-USD"},
    )
    trade = only(found).trade
    assert (trade["ts_event"], trade["symbol"], trade["price"], trade["size"]) == (
        1,
        "BTC-USD",
        Decimal(2),
        Decimal(3),
    )


def test_a_constant_takes_the_place_of_the_files_column(csv_file: Path) -> None:
    assert only(rows(csv_file, HEADER + "1,A,1,1\n", constants={"symbol": "B"})).trade["symbol"] == "B"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("timestamp,symbol,price,size\n", "no column ts_event; .* --map ts_event=timestamp$"),
        ("when,symbol,price,size\n", "it has when, symbol, price, size.* --map ts_event=COLUMN$"),
        ("ts_event,price,size\n", "no column symbol; .* --map symbol=COLUMN or --set symbol=VALUE$"),
        ("Time,symbol,price,Qty\n", "no column ts_event, size; .* --map ts_event=Time --map size=Qty$"),
        ("", "is empty"),
        ("ts_event,price,price,size\n", "the header has price more than once"),
        ('"ts_event\n', "the header is no CSV"),
    ],
)
def test_a_header_that_makes_no_trade_names_its_remedy(csv_file: Path, text: str, message: str) -> None:
    with pytest.raises(TradesFileError, match=rf"^{csv_file}: .*{message}"):
        rows(csv_file, text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"renames": {"prize": "px"}}, "a trade has no column 'prize'; it has ts_event, symbol"),
        ({"constants": {"action": "cancel"}}, "a trade has no column 'action'"),
        ({"renames": {"price": "px"}}, "no column px to map; it has ts_event, symbol, price, size"),
        (
            {"renames": {"symbol": "symbol"}, "constants": {"symbol": "A"}},
            "symbol is given by both --map and --set",
        ),
    ],
)
def test_a_wrong_option_is_named(csv_file: Path, options: dict[str, dict[str, str]], message: str) -> None:
    with pytest.raises(TradesFileError, match=message):
        rows(csv_file, HEADER, **options)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(TradesFileError, match=r"nowhere.csv: cannot be read: .*No such file"):
        list(TradesFile(tmp_path / "nowhere.csv").rows())


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("x,A,1,1", "ts_event: 'x' is not ISO-8601"),
        (",A,1,1", "ts_event is empty"),
        ("9223372036854775808,A,1,1", "ts_event: '9223372036854775808' is no 64-bit integer"),
        ("1_0,A,1,1", "ts_event: '1_0' is not ISO-8601"),
        ("-1,A,1,1", "ts_event: -1 is before 1970"),
        ("2024-01-02T03:04:05,A,1,1", "has no zone: end it with Z or an offset"),
        ("2024-02-30T00:00:00Z,A,1,1", "ts_event: day is out of range for month"),
        ("1969-12-31T23:59:59Z,A,1,1", "is before 1970"),
        ("2262-04-12T00:00:00Z,A,1,1", "does not fit 64 bits"),
        ("2024-01-02T03:04:05.0000000001Z,A,1,1", "is finer than a nanosecond"),
        ("1, ,1,1", "symbol is empty"),
        ("1,A,,1", "price is empty"),
        ("1,A,NaN,1", "price: 'NaN' is no exact number"),
        ("1,A,Infinity,1", "is no exact number"),
        ("1,A,1_000,1", "is no exact number"),
        ("1,A,٣,1", "is no exact number"),
        ('1,A,"1,000.5",1', "price: '1,000.5' is no exact number"),
        ("1,A,1,0.0000000000001", "size: 0.0000000000001 does not fit decimal(38, 12) exactly"),
        ("1,A,1e26,1", "price: 1e26 does not fit"),
        ("1,A,1e-999999,1", "does not fit"),
        ("1,A,1,1,extra", "has 5 cells, the header 4"),
        ("1,A,1", "has 3 cells, the header 4"),
        ('1,"A"B,1,1', "is no CSV"),
    ],
)
def test_a_bad_row_has_its_line_and_reason_and_ends_nothing(csv_file: Path, row: str, reason: str) -> None:
    before, bad, after = rows(csv_file, HEADER + f"1,A,1,1\n{row}\n3,A,1,1\n")
    assert isinstance(bad, BadRow)
    assert bad.line == 3
    assert reason in bad.reason
    assert [row.trade["ts_event"] for row in (before, after) if isinstance(row, Row)] == [1, 3]


def test_bytes_that_are_not_utf8_spoil_their_row_only(csv_file: Path) -> None:
    first, second = rows(csv_file, HEADER.encode() + b"1,caf\xe9,1,1\n2,caf\xc3\xa9,1,1\n")
    assert isinstance(first, BadRow)
    assert "not UTF-8" in first.reason
    assert isinstance(second, Row)
    assert second.trade["symbol"] == "café"


def test_an_endless_quote_is_bounded_and_reported(csv_file: Path) -> None:
    found = rows(csv_file, HEADER + '1,"A,1,1\n' + "2,B,1,1\n" * 100_000 + "3,C,1,1\n")
    assert isinstance(found[0], BadRow)
    assert "is no CSV: field larger than field limit" in found[0].reason
    assert isinstance(found[-1], Row)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + HEADER + "1,A,2,3\n",
        HEADER.replace("\n", "\r\n") + "1,A,2,3\r\n",
        '"ts_event","symbol","price","size"\n"1","A","2","3"\n',
        "ts_event, symbol, price, size\n1, A, 2, 3\n\n",
        HEADER + "1,A,2,3",
    ],
    ids=["byte order mark", "CRLF", "quotes", "spaces and a blank line", "no last newline"],
)
def test_the_habits_of_other_writers_are_read(csv_file: Path, text: str) -> None:
    trade = only(rows(csv_file, text)).trade
    assert (trade["ts_event"], trade["symbol"], trade["price"], trade["size"]) == (
        1,
        "A",
        Decimal(2),
        Decimal(3),
    )


def test_lines_are_those_of_the_text_also_after_a_quoted_line_break(csv_file: Path) -> None:
    found = rows(csv_file, HEADER + '1,"A\nB",1,1\n\n2,A,NaN,1\n')
    assert [row.line for row in found] == [3, 5]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("1700000000123456789", 1_700_000_000_123_456_789),
        ("2023-11-14T22:13:20Z", 1_700_000_000_000_000_000),
        ("2023-11-14 22:13:20.5+00:00", 1_700_000_000_500_000_000),
        ("2023-11-14T23:13:20.123456789+01:00", 1_700_000_000_123_456_789),
        ("2023-11-14T16:43:20,000000001-05:30", 1_700_000_000_000_000_001),
        ("2023-11-14T22:13:20.123456789000Z", 1_700_000_000_123_456_789),
    ],
)
def test_times_are_exact_to_the_nanosecond(csv_file: Path, text: str, expected: int) -> None:
    assert only(rows(csv_file, HEADER + f'"{text}",A,1,1\n')).trade["ts_event"] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1e-8", "0.00000001"), ("1E+3", "1000"), (".5", "0.5"), ("5.", "5"), ("+1.50", "1.5"), ("-0.0", "0")],
)
def test_every_plain_or_exponent_notation_is_an_exact_decimal(csv_file: Path, text: str, expected: str) -> None:
    assert only(rows(csv_file, HEADER + f"1,A,{text},1\n")).trade["price"] == Decimal(expected)


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
moments = st.integers(0, 9 * 10**15).map(lambda microseconds: EPOCH + timedelta(microseconds=microseconds))
amounts = st.decimals(min_value=-(10**25), max_value=10**25, places=12)


@given(st.lists(st.tuples(moments, amounts)))
def test_what_fits_is_read_as_it_is_in_either_notation(trades: list[tuple[datetime, Decimal]]) -> None:
    iso = "".join(f"{moment.isoformat()},A,{amount:f},{amount}\n" for moment, amount in trades)
    with TemporaryDirectory() as folder:
        found = rows(Path(folder, "trades.csv"), HEADER + iso)
    assert [
        (row.trade["ts_event"], row.trade["price"], row.trade["size"]) for row in found if isinstance(row, Row)
    ] == [((moment - EPOCH) // timedelta(microseconds=1) * 1_000, amount, amount) for moment, amount in trades]


def test_a_parquet_file_reads_as_the_csv_of_the_same_trades(tmp_path: Path) -> None:
    moment = 1_700_000_000_123_456_789
    table = pa.table(
        {
            "time": pa.array([moment, moment + 1], pa.timestamp("ns", "UTC")),
            "unused": pa.array([1.5, 2.5]),
            "symbol": pa.array(["A", "B"]).dictionary_encode(),
            "price": pa.array([Decimal("1.50"), Decimal("1E-8")], pa.decimal128(20, 8)),
            "size": pa.array([7, 0]),
            "conditions": pa.array([["0", "37"], None], pa.list_(pa.string())),
            "sequence": pa.array([3, None]),
        }
    )
    pq.write_table(table, tmp_path / "trades.parquet")
    text = f"time,symbol,price,size,conditions,sequence\n{moment},A,1.5,7,0 37,3\n{moment + 1},B,1e-8,0,,\n"
    (tmp_path / "trades.csv").write_text(text)
    renames = {"ts_event": "time"}
    parquet, csv = (list(TradesFile(tmp_path / f"trades.{kind}", renames).rows()) for kind in ("parquet", "csv"))
    assert [row.trade for row in parquet if isinstance(row, Row)] == [row.trade for row in csv if isinstance(row, Row)]
    assert [row.line for row in parquet] == [1, 2]


def test_a_null_in_a_required_parquet_column_is_a_bad_row(tmp_path: Path) -> None:
    columns = {"ts_event": [1, None], "symbol": ["A", "A"], "price": ["1", "1"], "size": ["1", "1"]}
    pq.write_table(pa.table(columns), tmp_path / "trades.parquet")
    _, bad = TradesFile(tmp_path / "trades.parquet").rows()
    assert bad == BadRow(2, "ts_event is empty")


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("price", pa.array([1.5]), "price is double, not exact; write decimal or string"),
        ("ts_event", pa.array([1], pa.timestamp("us")), r"ts_event is timestamp\[us\] without a zone"),
    ],
)
def test_a_parquet_column_that_is_not_exact_is_refused(
    tmp_path: Path, column: str, values: object, message: str
) -> None:
    columns = {"ts_event": [1], "symbol": ["A"], "price": ["1"], "size": ["1"], column: values}
    pq.write_table(pa.table(columns), tmp_path / "trades.parquet")
    with pytest.raises(TradesFileError, match=message):
        list(TradesFile(tmp_path / "trades.parquet").rows())


def test_a_file_that_is_no_parquet_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "trades.parquet").write_text(HEADER)
    with pytest.raises(TradesFileError, match=r"trades.parquet: cannot be read: .*Parquet"):
        list(TradesFile(tmp_path / "trades.parquet").rows())


def test_a_large_file_is_streamed(csv_file: Path) -> None:
    csv_file.write_text(HEADER + "1,A,1,1\n" * 10)
    with csv_file.open("a") as endless:
        found = TradesFile(csv_file).rows()
        assert isinstance(next(found), Row)
        endless.write("2,A,1,1\n")
        endless.flush()
        assert [row.line for row in found][-1] == 12


@pytest.mark.parametrize(("text", "count"), [("", 0), ("1,A,1,1\n", 1), ("1,A,1,1\n2,A,1,1", 2)])
def test_rows_are_counted_without_the_header(csv_file: Path, text: str, count: int) -> None:
    csv_file.write_text(HEADER + text)
    assert TradesFile(csv_file).row_count() == count
