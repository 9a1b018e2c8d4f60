"""Backfill through the command users type: real trades, an unruly file, a topic, and nothing of use."""

import csv
import io
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deploy import jars
from deploy.cli import cli
from deploy.errors import UserError
from deploy.stack import Stack
from schemas import avro
from schemas.arrow import arrow_schema
from schemas.resolutions import DEFAULT
from services.demo_data import write_trades
from services.oracle import expected_candles
from services.trades_file import Row, TradesFile
from services.verdict import compare
from tests.integration.stacks import command
from tests.integration.test_committed import Writer
from tests.services.tape import trade
from udfs import rules

pytestmark = pytest.mark.integration

TIMEOUT_S = 280
SECOND_NS = 10**9
START_NS = 1_700_000_000 * SECOND_NS
"""2023-11-14T22:13:20Z"""


def backfill(*arguments: object) -> "subprocess.CompletedProcess[str]":
    """As users do."""
    line = command("backfill", "candles", *map(str, arguments))
    return subprocess.run(line, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


def quick_backfill(*arguments: object) -> "subprocess.CompletedProcess[str]":
    """In this process, for the fixture `quick_flink`."""
    said, complained, code = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(said), redirect_stderr(complained):
        try:
            cli.main(["backfill", "candles", *map(str, arguments)], standalone_mode=False)
        except UserError as error:
            code = 1
            complained.write(str(error))
    return subprocess.CompletedProcess((), code, said.getvalue(), complained.getvalue())


def counts(output: str) -> dict[str, int]:
    """The summary: what was counted, and how much of it."""
    found = {}
    for line in output.splitlines():
        name, _, count = line.partition("(")[0].strip().rpartition(" ")
        if count.replace(",", "").isdigit():
            found[name.strip()] = int(count.replace(",", ""))
    return found


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def candles_of(file: Path) -> Iterator[dict[str, Any]]:
    """The candles of a CSV file as records of schemas/candle.avsc, without what only jobs need."""
    types = {field["name"]: field["type"] for field in avro.load("candle")["fields"]}
    for row in rows_of(file):
        assert types.keys() - row.keys() == {"accumulator"}
        yield {name: _value(value, types[name]) for name, value in row.items()}


def _value(text: str, avro_type: Any) -> Any:
    match avro_type:
        case ["null", present]:
            return _value(text, present) if text else None
        case "long" | "int":
            return int(text)
        case "boolean":
            return {"true": True, "false": False}[text]
        case "string":
            return text
    return Decimal(text)


@pytest.mark.thorough
def test_every_candle_of_the_real_tape_is_that_of_the_independent_check(tmp_path: Path) -> None:
    tape, out = tmp_path / "bitstamp.csv", tmp_path / "out"
    write_trades(jars.group("demo")[0], tape)
    result = backfill("--trades", tape, "--out", out)
    assert result.returncode == 0, result.stdout + result.stderr

    expected = expected_candles(row.trade for row in TradesFile(tape).rows() if isinstance(row, Row))
    candles = [candle for name in DEFAULT for candle in candles_of(out / f"candles_{name}.csv")]
    verdict = compare(expected.candles, candles)
    assert verdict.holds, verdict.summary()
    assert all(candle["complete"] for candle in candles)
    for name in DEFAULT:
        starts = [int(row["window_start"]) for row in rows_of(out / f"candles_{name}.csv")]
        assert starts == sorted(starts)
        assert counts(result.stdout)[f"candles {name}"] == len(starts)

    said = counts(result.stdout)
    assert (said["read"], said["accepted"], said["duplicates"], said["rejected"]) == (100_000, 99_982, 0, 18)
    sizes = [row.trade["size"] for row in TradesFile(tape).rows() if isinstance(row, Row)]
    rejected = rows_of(out / "rejected.csv")
    assert [int(row["line"]) for row in rejected] == [i + 2 for i, size in enumerate(sizes) if size == 0]
    assert {(row["file"], row["rule"]) for row in rejected} == {(str(tape), "size")}
    expected_files = {*(f"candles_{name}.csv" for name in DEFAULT), "rejected.csv"}
    assert {file.name for file in out.iterdir()} == expected_files


UNRULY = "\r\n".join(
    [
        '\ufeff"timestamp",symbol,price,size,trade_id,"note, mine"',
        f'{START_NS},A,10,1,a1,"plain"',
        "",
        '2023-11-14T23:13:21+01:00,A,"11.5",2,a2,"zone, and comma"',
        '2023-11-14 22:13:22.000000001Z,A,1.2e1,5E-1,a3,"said ""x"""',
        f"{START_NS},A,10,1,a1x",
        f"{START_NS},A,abc,1,a4,",
        f"{START_NS},A,10,-1,a5,",
        f"{START_NS},A,,1,a6,",
        f"{START_NS},,10,1,a7,",
        ",A,10,1,a8,",
        "2023-11-14T22:13:23,A,10,1,a9,",
        "1700000003,A,10,1,a10,",
        f"{START_NS},A,10,1,a1,a copy",
        f"{START_NS},A,1e-13,1,a11,",
        f"{START_NS},A,9,0,a12,",
        f'{START_NS},"B, C",1080,0.00000001,b1,',
        f"{START_NS},A,NaN,1,a13,",
    ]
)
UNRULY_REJECTED = [
    (6, "columns", "the line has 5 fields, the header has 6"),
    (7, "price", "price: 'abc' is not a number"),
    (8, "size", "size: must be above 0, was -1.000000000000"),
    (9, "price", "price: missing"),
    (10, "symbol", "symbol: missing or empty"),
    (11, "ts_event", "ts_event: missing"),
    (12, "ts_event", "ts_event: '2023-11-14T22:13:23' is neither integer nanoseconds nor ISO-8601 with a zone"),
    (13, "ts_event", "ts_event: 1700000003 does not look like nanoseconds since 1970 (seconds? milliseconds?)"),
    (15, "price", "price: 1e-13 does not fit decimal(38, 12) exactly"),
    (16, "size", "size: must be above 0, was 0.000000000000"),
    (18, "price", "price: 'NaN' is not a number"),
]
OTHER_ORDER = f"""symbol,size,price,timestamp,trade_id
A,1,10,{START_NS},a1
A,3,8,{START_NS + 5 * SECOND_NS},a14
A,3,-8,{START_NS + 5 * SECOND_NS},a15
"""


def write_parquet(file: Path) -> None:
    at = datetime.fromtimestamp(1_700_000_006, UTC)
    table = {
        "timestamp": pa.array([at, at, None], pa.timestamp("us", "UTC")),
        "symbol": ["A", "A", "Z"],
        "price": pa.array([Decimal("7.25")] * 3, pa.decimal128(20, 4)),
        "size": [0.1, None, 1.0],
        "trade_id": ["p1", "p2", "p3"],
    }
    pq.write_table(pa.table(table), file)


@pytest.mark.usefixtures("quick_flink")
def test_unruly_files_are_read_to_the_end_and_every_bad_row_is_placed(tmp_path: Path) -> None:
    unruly, other, parquet = tmp_path / "_unruly; 1.csv", tmp_path / "other.csv", tmp_path / "more.parquet"
    unruly.write_text(UNRULY, encoding="utf-8", newline="")
    other.write_text(OTHER_ORDER)
    write_parquet(parquet)
    out = tmp_path / "out"
    options = ["--map", "ts_event=timestamp", "--set", "venue=a:b,c'd", "--resolution", "2m", "--format", "parquet"]
    result = quick_backfill("--trades", unruly, other, parquet, "--out", out, *options, "--strict")

    assert result.returncode == 1
    assert "14 rejected, and --strict was given" in result.stderr
    said = counts(result.stdout)
    assert (said["read"], said["accepted"], said["duplicates"], said["rejected"]) == (22, 6, 2, 14)
    assert "1 columns, 5 price, 3 size, 1 symbol, 4 ts_event" in result.stdout

    found = [(row["file"], int(row["line"]), row["rule"], row["reason"]) for row in rows_of(out / "rejected.csv")]
    assert found == [
        *((str(unruly), *expected) for expected in UNRULY_REJECTED),
        (str(other), 4, "price", "price: must be above 0, was -8.000000000000"),
        (str(parquet), 2, "size", "size: missing"),
        (str(parquet), 3, "ts_event", "ts_event: missing"),
    ]

    assert {file.name for file in out.iterdir()} == {"candles_2m.parquet", "rejected.csv"}
    table = pq.read_table(out / "candles_2m.parquet")
    assert table.schema.equals(arrow_schema("candle").remove(arrow_schema("candle").get_field_index("accumulator")))
    assert table.to_pylist() == [
        {
            **WINDOW,
            "symbol": "A",
            **prices("10", "12", "7.25", "7.25"),
            "volume": Decimal("6.6"),
            "vwap": Decimal("9.655303030303"),
            "notional": Decimal("63.725"),
            "trade_count": 5,
            "duplicate_count": 2,
            "last_ts_event": START_NS + 6 * SECOND_NS,
        },
        {
            **WINDOW,
            "symbol": "B, C",
            **prices("1080", "1080", "1080", "1080"),
            "volume": Decimal("0.00000001"),
            "vwap": Decimal(1080),
            "notional": Decimal("0.0000108"),
            "trade_count": 1,
            "duplicate_count": 0,
            "last_ts_event": START_NS,
        },
    ]


WINDOW = {
    "resolution": "2m",
    "window_start": 1_699_999_920 * SECOND_NS,
    "window_end": 1_700_000_040 * SECOND_NS,
    "first_ts_event": START_NS,
    "complete": True,
    "revision": 0,
    "revision_reason": None,
}


def prices(*texts: str) -> Mapping[str, Decimal]:
    return dict(zip(("open", "high", "low", "close"), map(Decimal, texts), strict=True))


@pytest.mark.usefixtures("quick_flink")
def test_a_file_without_a_single_trade_is_an_error_and_leaves_older_candles(tmp_path: Path) -> None:
    bad, out = tmp_path / "bad.csv", tmp_path / "out"
    bad.write_text(f"ts_event,symbol,price,size\n{START_NS},A,0,1\n")
    out.mkdir()
    (out / "candles_1d.csv").write_text("older")
    result = quick_backfill("--trades", bad, "--out", out, "--resolution", "1d")
    assert result.returncode == 1
    assert f"no trade was accepted: {out}/rejected.csv says why" in result.stderr
    assert [row["reason"] for row in rows_of(out / "rejected.csv")] == ["price: must be above 0, was 0.000000000000"]
    assert (out / "candles_1d.csv").read_text() == "older"


@pytest.mark.usefixtures("quick_flink")
def test_a_topic_is_read_to_its_end_of_now_with_what_is_no_trade(stack: Stack, tmp_path: Path) -> None:
    writer = Writer(stack)
    writer.commit("10", "12", "11")
    writer.abort("99")
    writer.producer.begin_transaction()
    writer.producer.produce(writer.topic, b"no trade", partition=3)
    bust = trade(1, action="cancel", original_trade_id="a1", original_ts_event=1)
    writer.producer.produce(writer.topic, writer.encoder.encode(bust), partition=3)
    writer.producer.commit_transaction(30)

    where = ["--brokers", stack.bootstrap_servers, "--registry", stack.registry_url]
    result = quick_backfill("--trades", writer.topic, "--out", tmp_path, *where, "--resolution", "1s")
    assert result.returncode == 0, result.stdout + result.stderr
    said = counts(result.stdout)
    assert (said["read"], said["accepted"], said["cancels, corrections"], said["rejected"]) == (5, 3, 1, 1)
    (rejected,) = rows_of(tmp_path / "rejected.csv")
    assert (rejected["topic"], rejected["partition"], rejected["offset"]) == (writer.topic, "3", "0")
    (candle,) = candles_of(tmp_path / "candles_1s.csv")
    assert (candle["high"], candle["low"], candle["volume"], candle["trade_count"]) == (12, 10, 3, 3)


def test_ctrl_c_takes_flink_and_the_temporary_files_with_it(tmp_path: Path) -> None:
    file, out = tmp_path / "t.csv", tmp_path / "out"
    file.write_text(f"ts_event,symbol,price,size\n{START_NS},A,1,1\n")
    line = command("backfill", "candles", "--trades", str(file), "--out", str(out))
    process = psutil.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(family := process.children(recursive=True)) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(family) >= 2, "Flink and the job's Python"
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(30) == 1
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    assert list(out.iterdir()) == []


@pytest.mark.usefixtures("quick_flink")
def test_a_flagged_row_counts_and_is_reported_beside_the_rejected_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    band = 'name = "band"\nkind = "band"\npercent_max = "10"\nreset_after_ms = 60000\nreset_after_trades = 5'
    (tmp_path / "rules.toml").write_text(rules.DEFAULTS.read_text() + f'[[rules]]\n{band}\nseverity = "flag"\n')
    monkeypatch.setenv("TICKLOOM_RULES", str(tmp_path / "rules.toml"))
    prices = ["100", "111", "0", "105"]
    lines = [f"{START_NS + i},A,{price},1" for i, price in enumerate(prices)]
    (tmp_path / "trades.csv").write_text("\n".join(["ts_event,symbol,price,size", *lines]))
    result = quick_backfill("--trades", tmp_path / "trades.csv", "--out", tmp_path / "out", "--resolution", "1s")

    assert result.returncode == 0, result.stderr
    said = counts(result.stdout)
    assert (said["read"], said["accepted"], said["rejected"], said["flagged"]) == (4, 3, 1, 1)
    (flagged,) = rows_of(tmp_path / "out" / "flagged.csv")
    assert (flagged["line"], flagged["rule"]) == ("3", "band")
    assert [row["line"] for row in rows_of(tmp_path / "out" / "rejected.csv")] == ["4"]
    (candle,) = rows_of(tmp_path / "out" / "candles_1s.csv")
    assert (Decimal(candle["high"]), candle["trade_count"]) == (Decimal(111), "3")
