"""The JVM core's own reading of trades against fastavro's writing of them, a record at a time and without Flink."""

import io
import json
import subprocess
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from deploy import core, jars
from schemas import avro
from tests.services.tape import trade

pytestmark = pytest.mark.integration

HARNESS = Path(__file__).with_name("jvm") / "tickloom" / "Decoded.java"
HEADER = bytes(5)
LONGS = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([sign * 2**n for n in range(63) for sign in (1, -1)])
AMOUNTS = st.integers(1 - 10**38, 10**38 - 1) | st.sampled_from([sign * 2**n for n in range(72) for sign in (1, -1)])
IDS = st.text("0123456789", min_size=1, max_size=17) | st.text("0123456789:/aé", min_size=1, max_size=17)
"""Those that count, and those with the neighbours of digits in them."""


@pytest.fixture(scope="module")
def class_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The core and the harness beside it."""
    folder = tmp_path_factory.mktemp("harness")
    path = ":".join(map(str, [core.build(), *core.class_path()]))
    compiler = [core.java(), "-jar", jars.group("compiler")[0], "-17", "-nowarn", "-cp", path, "-d", folder, HARNESS]
    subprocess.run(list(map(str, compiler)), check=True, timeout=60)
    return f"{folder}:{path}"


def written(record: Mapping[str, Any]) -> bytes:
    """A trade as Avro, behind the five bytes of its frame."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(avro.load("trade")), record)
    return HEADER + out.getvalue()


def decoded(class_path: str, records: Sequence[bytes]) -> list[list[str]]:
    """What the core makes of records, one after the other."""
    told = "\n".join([json.dumps(avro.load("trade")), *(record.hex() for record in records)])
    command = [str(core.java()), "-cp", class_path, "tickloom.Decoded"]
    found = subprocess.run(command, input=told, capture_output=True, check=True, text=True, timeout=60)
    return [line.split("\t") for line in found.stdout.splitlines()]


def number(trade_id: str) -> int:
    """What the digits in its first 15 bytes say; -1 when not all of them are digits."""
    text = trade_id.encode()[:15]
    return int(text) if text.isdigit() else -1


TRADES = st.builds(
    lambda symbol, number, ts_event, sequence, price, size: (
        trade(ts_event, symbol=symbol, trade_id=number, sequence=sequence)
        | {"price": Decimal(f"{price}E-12"), "size": Decimal(f"{size}E-12")}
    ),
    st.text("ABCé", min_size=1, max_size=9),
    IDS,
    LONGS,
    LONGS,
    AMOUNTS,
    AMOUNTS,
)


@settings(
    max_examples=20,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(trades=st.lists(TRADES, min_size=50, max_size=300))
def test_every_number_text_and_id_is_read_as_it_was_written(class_path: str, trades: list[dict[str, Any]]) -> None:
    seconds: dict[tuple[str, int], int] = {}
    ids: set[str] = set()
    expected = []
    for each in trades:
        second = seconds.setdefault((each["symbol"], each["ts_event"] // 10**9), len(seconds))
        values = each["symbol"], each["sequence"], each["ts_event"], f"{each['price']:f}", f"{each['size']:f}"
        is_new = str(each["trade_id"] not in ids).lower()
        expected.append([*map(str, values), str(second), is_new, str(number(each["trade_id"]))])
        ids.add(each["trade_id"])
    assert decoded(class_path, [written(each) for each in trades]) == expected


@pytest.mark.parametrize("rest", [b"", bytes(20)], ids=["at the end", "in the middle"])
def test_a_number_of_more_than_ten_bytes_is_malformed(class_path: str, rest: bytes) -> None:
    symbol_and_three_nulls = b"\x02A\0\0\0"
    endless = HEADER + symbol_and_three_nulls + b"\xff" * 10 + rest
    assert decoded(class_path, [endless]) == [["rejected", "malformed"]]


def test_a_record_that_is_cut_anywhere_is_rejected(class_path: str) -> None:
    whole = written(trade(2**62, symbol="ABCDEFGHI", trade_id="123456789012", sequence=2**40, ts_recv=2**62))
    found = decoded(class_path, [whole[:end] for end in range(len(HEADER), len(whole))])
    assert {tuple(each) for each in found} <= {("rejected", "truncated"), ("rejected", "malformed")}
