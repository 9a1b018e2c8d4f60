"""Candles in ClickHouse are what was written: of every window the highest revision, exact."""

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from uuid import uuid4

import clickhouse_connect
import httpx
import pytest
from click.testing import CliRunner
from clickhouse_connect.driver.client import Client
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from deploy.commands.project import project
from deploy.stack import Stack, ports
from jobs.settings import Settings
from jobs.topics import create_missing
from schemas import topics
from schemas.exact import floor_instant
from services.candle_json import KEPT
from services.oracle import CandleKey
from services.projections import clickhouse
from services.projections.agreement import differences
from services.projections.clickhouse import ClickHouse
from services.projections.store import StoreError, highest
from tests.integration import stacks
from tests.integration.candle_job import wait_until
from tests.integration.test_projections import Topic
from tests.services.candles import START_NS, candle

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a ClickHouse without the name of a database: the engine in this process, its data in a folder.

    With TICKLOOM_TEST_BACKEND=containers a server in a container; unverified.
    """
    if os.environ.get("TICKLOOM_TEST_BACKEND") == "containers":
        from tests.integration.containers import clickhouse as container

        with container() as base:
            yield base
    else:
        base = f"chdb://{tmp_path_factory.mktemp('clickhouse')}?database="
        with client(f"{base}default"):  # the engine ends with its last client, and takes its time to start
            yield base


@pytest.fixture
def url(server: str) -> Iterator[str]:
    """Of a database of the test's own."""
    name = f"test_{uuid4().hex}"
    with client(f"{server}default") as each:
        each.command(f"create database {name}")
    yield server + name
    with client(f"{server}default") as each:
        each.command(f"drop database {name}")


@pytest.fixture
def store(url: str) -> Iterator[ClickHouse]:
    with ClickHouse(url) as store:
        store.prepare()
        yield store


def client(url: str) -> Client:
    return clickhouse_connect.get_client(dsn=url)


def run(url: str, statement: str) -> list[Any]:
    with client(url) as each:
        return list(each.query(statement).result_rows)


def kept(candles: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: each[name] for name in KEPT} for each in highest(candles)]


revisions = st.lists(st.builds(candle, st.integers(0, 3), st.integers(0, 4), symbol=st.sampled_from("AB")), max_size=12)


def test_in_any_order_and_any_split_the_highest_revision_stays(store: ClickHouse) -> None:
    @examples(max_examples=20)
    @given(st.lists(revisions, max_size=4))
    def stays(batches: list[list[dict[str, Any]]]) -> None:
        store.clear()
        for batch in batches:
            store.write(batch)
        assert list(store.read()) == kept([each for batch in batches for each in batch])

    stays()


@pytest.mark.parametrize(
    "fields",
    [
        {"high": Decimal("99999999999999999999999999.999999999999")},
        {"low": Decimal("-99999999999999999999999999.999999999999"), "volume": Decimal("0.000000000001")},
        {"notional": Decimal("99999999999999.999999999999999999999999")},
        {"open": None, "high": None, "low": None, "close": None, "vwap": None, "notional": None, "volume": Decimal(0)},
        {"trade_count": 2**63 - 1, "duplicate_count": 2**63 - 1, "revision": 2**31 - 1},
        {"trade_count": 0, "first_ts_event": None, "last_ts_event": None},
        {"first_ts_event": START_NS + 123_456_789, "last_ts_event": 2**63 - 1, "complete": False},
        {"window_start": 1, "window_end": 2_000_000_001, "first_ts_event": 0},
        {"symbol": "BTC-USD'; drop table candles; --\t\\N\0é", "revision_reason": "late+cancel"},
    ],
    ids=lambda fields: ",".join(fields),
)
def test_every_value_comes_back_exact(store: ClickHouse, fields: dict[str, Any]) -> None:
    written = candle(**fields)
    store.write([written, candle(1)])
    assert list(store.read()) == kept([written, candle(1)])


def test_times_are_times_to_whoever_queries(store: ClickHouse, url: str) -> None:
    store.write([candle(first_ts_event=START_NS + 123_456_789)])
    times = "window_start, window_end, first_ts_event, last_ts_event"
    (found,) = run(url, f"select toString(tuple({times})) from candles")[0]
    assert found == (
        "('2023-11-14 22:13:20.000000000','2023-11-14 22:13:21.000000000',"
        "'2023-11-14 22:13:20.123456789','2023-11-14 22:13:20.000000001')"
    )


def test_months_are_partitions_and_old_ones_can_be_dropped(store: ClickHouse) -> None:
    store.write([candle(30 * number, resolution="1d") for number in range(3)])
    assert store.retain(datetime(2023, 11, 30, 23, 59, tzinfo=UTC)) == []
    assert store.retain(datetime(2023, 12, 31, tzinfo=UTC)) == ["202311"]
    assert [f"{floor_instant(each['window_start']):%Y-%m-%d}" for each in store.read()] == ["2023-12-14", "2024-01-13"]
    assert store.retain(datetime(2024, 1, 1, tzinfo=UTC)) == ["202312"]
    store.write([candle(0, resolution="1d")])
    assert len(list(store.read())) == 2


def test_one_write_may_hold_candles_of_many_years(store: ClickHouse) -> None:
    days = [candle(31 * number, resolution="1d") for number in range(101)]
    store.write(days)
    assert list(store.read()) == kept(days)


def test_a_migration_is_kept_in_mind_and_harmless_when_two_begin_at_once(url: str) -> None:
    def prepare() -> None:
        with ClickHouse(url) as each:
            each.prepare()
            each.write([candle()])

    threads = [threading.Thread(target=prepare) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    applied = run(url, "select name from schema_migrations final order by name")
    assert applied == [(file.stem,) for file in sorted(clickhouse.MIGRATIONS.glob("*.sql"))]
    assert run(url, "select count() from candles") == [(1,)]
    with ClickHouse(url) as again:
        again.prepare()
        assert list(again.read()) == kept([candle()])


def test_a_write_that_failed_half_way_ends_right_when_tried_again(store: ClickHouse, url: str) -> None:
    store.write([candle(0), candle(1)])
    run(url, "create materialized view failing engine = Null as select throwIf(revision = 1) from candle_revisions")
    batch = [candle(0, 1), candle(2), candle(40, resolution="1d")]
    with pytest.raises(StoreError):
        store.write(batch)
    run(url, "drop view failing")
    store.write(batch)
    assert list(store.read()) == kept([candle(1), *batch])


def test_what_was_tampered_with_is_named(store: ClickHouse, url: str) -> None:
    candles = [*(candle(number) for number in range(5)), candle(4, 1)]
    store.write(candles)
    expected = {CandleKey.of(each): each for each in highest(candles)}
    assert not list(differences(expected, store))
    at_once = "settings mutations_sync = 2"
    run(url, f"alter table candle_revisions update volume = volume + 1e-12 where {at(1)} {at_once}")
    run(url, f"alter table candle_revisions delete where {at(2)} {at_once}")
    store.write([candle(3, symbol="B")])
    found = {
        (each.kind, each.key.symbol, (each.key.window_start - START_NS) // 10**9, *each.fields)
        for each in differences(expected, store)
    }
    assert found == {("differing", "A", 1, "volume"), ("missing", "A", 2), ("unexpected", "B", 3)}


def at(number: int) -> str:
    return f"window_start = fromUnixTimestamp64Nano({candle(number)['window_start']})"


VWAP_OF_HOURS = """
SELECT symbol, toHour(window_start) AS hour, sum(volume) AS traded, sum(notional) / sum(volume) AS vwap
FROM candles
WHERE resolution = '1m'
GROUP BY symbol, hour
ORDER BY symbol, hour
"""


def test_the_analysis_of_the_readme_is_exact_also_beyond_the_largest_notional_of_a_candle(
    store: ClickHouse, url: str
) -> None:
    largest = Decimal("99999999999999.999999999999999999999999")
    minutes = [candle(number, 0, resolution="1m", notional=largest, volume=Decimal(4)) for number in range(3)]
    store.write(minutes)
    store.write([candle(2, 1, resolution="1m", notional=Decimal(1), volume=Decimal(2)), candle(0, resolution="1h")])
    vwap = Decimal("20000000000000.099999999999999999999999")  # (2 x largest + 1) / 10, cut after 24 digits
    assert run(url, VWAP_OF_HOURS) == [("A", 22, Decimal(10), vwap)]


def test_the_command_rebuilds_it_from_what_is_committed(
    stack: Stack, store: ClickHouse, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, flags = topic_of_candles(stack, "4s")
    topic.commit(candle(0, resolution="4s"), candle(1, resolution="4s"))
    topic.abort(candle(0, 9, resolution="4s"))
    topic.commit(candle(0, 1, resolution="4s"))
    store.write([candle(7, resolution="4s")])
    monkeypatch.setenv("TICKLOOM_CLICKHOUSE_URL", url)
    told = CliRunner().invoke(project, ["rebuild", "clickhouse", *flags], catch_exceptions=False)
    assert told.output.startswith("clickhouse: rebuilt from ")
    assert of("4s", store.read()) == kept(topic.committed)


def topic_of_candles(stack: Stack, resolution: str) -> tuple[Topic, list[str]]:
    """The topic of a resolution, and the flags of a command that reads it (and the seconds of other tests)."""
    addresses = {"brokers": stack.bootstrap_servers, "registry": stack.registry_url, "resolutions": f"1s,{resolution}"}
    create_missing(Settings.load(addresses), [topics.candles("1s"), topics.candles(resolution)])
    return Topic(stack, topics.candles(resolution)), [f"--{name}={value}" for name, value in addresses.items()]


def of(resolution: str, candles: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in candles if each["resolution"] == resolution]


@contextmanager
def projecting(stack: Stack, url: str, flags: list[str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`tickloom project run clickhouse`, and where its metrics are."""
    (port,) = ports.free(1)
    process = subprocess.Popen(
        stacks.command("project", "run", "clickhouse", f"--metrics-port={port}", *flags),
        env={**stacks.environment(stack.folder), "TICKLOOM_CLICKHOUSE_URL": url},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def metric(address: str, name: str) -> float:
    try:
        lines = httpx.get(address).text.splitlines()
    except httpx.TransportError:
        return -1
    label = f'tickloom_projection_{name}{{projection="clickhouse"}} '
    return next((float(line.removeprefix(label)) for line in lines if line.startswith(label)), -1)


def held(url: str) -> list[dict[str, Any]]:
    with ClickHouse(url) as store:
        return list(store.read())


@pytest.mark.thorough  # Kafka gives the partitions of what was killed to another only after 45 s
def test_a_projection_that_is_killed_goes_on_and_ends_with_ctrl_c(stack: Stack, tmp_path: Path) -> None:
    url = f"chdb://{tmp_path / 'clickhouse'}"
    topic, flags = topic_of_candles(stack, "8s")
    with projecting(stack, url, flags) as (process, metrics):
        for number in range(50):
            topic.commit(candle(number, resolution="8s"), candle(number // 2, 1, resolution="8s"))
        wait_until(lambda: metric(metrics, "candles_total") > 0, "the first candles")
        process.kill()
        process.wait()
    topic.commit(candle(9, 2, resolution="8s"))
    with projecting(stack, url, flags) as (process, metrics):
        wait_until(
            lambda: metric(metrics, "candles_total") > 0 and metric(metrics, "lag_records") == 0, "the rest of them"
        )
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    with ProcessPoolExecutor(1, get_context("spawn")) as elsewhere:  # a process has one engine
        found = elsewhere.submit(held, url).result(60)
    assert of("8s", found) == kept(topic.committed)


@pytest.mark.parametrize(
    "url",
    ["http://tickloom:hidden@127.0.0.1:1/default", "foo://tickloom:hidden@127.0.0.1/default", "http://127.0.0.1:x/"],
)
def test_a_server_that_is_not_there_is_one_line_without_the_password(url: str) -> None:
    with pytest.raises(StoreError) as raised:
        ClickHouse(url)
    assert str(raised.value).startswith("ClickHouse: ")
    assert "\n" not in str(raised.value)
    assert "hidden" not in str(raised.value)


def test_https_means_tls_on_whatever_port() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    told = list[bytes]()

    def hang_up() -> None:
        with listening, listening.accept()[0] as connection:
            told.append(connection.recv(1))

    thread = threading.Thread(target=hang_up)
    thread.start()
    with pytest.raises(StoreError):
        ClickHouse(f"https://tickloom:hidden@127.0.0.1:{listening.getsockname()[1]}/default")
    thread.join(10)
    assert told == [b"\x16"]  # of TLS: a handshake
