"""Candles in PostgreSQL and Redis are what the topics hold, of every window the highest committed revision."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from confluent_kafka import Producer
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from deploy.stack import Stack, ports
from jobs.settings import Settings
from jobs.topics import create_missing
from schemas import topics
from schemas.codec import Encoder
from schemas.exact import floor_instant
from services.candle_json import KEPT
from services.committed import CommittedReader
from services.oracle import CandleKey
from services.projections.agreement import differences
from services.projections.postgres import Postgres
from services.projections.projector import Projector, rebuild
from services.projections.redis import Redis
from services.projections.store import Store, StoreError, highest
from tests.integration import stacks
from tests.integration.candle_job import wait_until
from tests.integration.test_replay import create_topic, register
from tests.services.candles import START_NS, candle

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Sink:
    """Where a store is, and the name of its projection."""

    name: str
    url: str

    def connect(self) -> Store:
        return Postgres(self.url) if self.name == "postgres" else Redis(self.url)

    def held(self) -> list[dict[str, Any]]:
        try:
            with closing(self.connect()) as store:
                return in_order(store)
        except StoreError:  # the server is being started again, or the table is not there yet
            return []

    def kept(self, candles: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What it must hold of these: in Redis, the last of each symbol and resolution."""
        windows = highest(candles)
        if self.name == "redis":
            windows = list({(each["symbol"], each["resolution"]): each for each in windows}.values())
        return [{name: each[name] for name in KEPT} for each in windows]


def in_order(store: Store) -> list[dict[str, Any]]:
    return sorted(store.read(), key=CandleKey.of)


@pytest.fixture
def postgres(url: str) -> Sink:
    return Sink("postgres", url)


@pytest.fixture
def redis(redis_url: str) -> Sink:
    return Sink("redis", redis_url)


@pytest.fixture(params=["postgres", "redis"])
def sink(request: pytest.FixtureRequest) -> Sink:
    """Each of them, with nothing in it."""
    found: Sink = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def store(sink: Sink) -> Iterator[Store]:
    with closing(sink.connect()) as store:
        store.prepare()
        yield store


@pytest.fixture
def database(url: str) -> Iterator[Postgres]:
    with Postgres(url) as store:
        store.prepare()
        yield store


class Topic:
    """A topic of candles of the test's own, written in transactions."""

    def __init__(self, stack: Stack, name: str = "") -> None:
        self.stack = stack
        self.name = name or create_topic(stack)
        self.encoder = Encoder(register(stack, self.name, "candle"), "candle")
        self.producer = Producer({"bootstrap.servers": stack.bootstrap_servers, "transactional.id": uuid4().hex})
        self.producer.init_transactions(30)
        self.committed: list[dict[str, Any]] = []

    def commit(self, *candles: dict[str, Any]) -> None:
        self._write(candles)
        self.producer.commit_transaction(30)
        self.committed += candles

    def abort(self, *candles: dict[str, Any]) -> None:
        self._write(candles)
        self.producer.abort_transaction(30)

    def garbage(self) -> None:
        self.producer.begin_transaction()
        self.producer.produce(self.name, b"no candle")
        self.producer.commit_transaction(30)

    def _write(self, candles: tuple[dict[str, Any], ...]) -> None:
        self.producer.begin_transaction()
        for each in candles:
            self.producer.produce(self.name, self.encoder.encode(each), each["symbol"])
        self.producer.flush(30)


@pytest.fixture
def topic(stack: Stack) -> Topic:
    return Topic(stack)


@contextmanager
def projecting(topic: Topic, sink: Sink, name: str, retention: timedelta | None = None) -> Iterator[Projector]:
    """A projection that runs meanwhile; what it raises fails the test."""
    stack, stopped, raised = topic.stack, threading.Event(), list[BaseException]()
    projector = Projector(
        stack.kafka_client(), stack.registry_client(), [topic.name], sink.connect, name, name, retention
    )

    def run() -> None:
        try:
            projector.run(stopped.is_set)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield projector
    finally:
        stopped.set()
        thread.join(60)
    assert not raised, raised


def metric(which: str, projection: str) -> float | None:
    return REGISTRY.get_sample_value(f"tickloom_projection_{which}", {"projection": projection})


def equal(topic: Topic, sink: Sink) -> Callable[[], bool]:
    return lambda: sink.held() == sink.kept(topic.committed)


revisions = st.lists(st.builds(candle, st.integers(0, 3), st.integers(0, 4), symbol=st.sampled_from("AB")), max_size=12)


def test_in_any_order_and_any_split_the_highest_revision_stays(sink: Sink, store: Store) -> None:
    @examples(max_examples=40)
    @given(st.lists(revisions, max_size=4))
    def stays(batches: list[list[dict[str, Any]]]) -> None:
        store.clear()
        for batch in batches:
            store.write(batch)
        assert in_order(store) == sink.kept([each for batch in batches for each in batch])

    stays()


@pytest.mark.parametrize(
    "fields",
    [
        {"high": Decimal("99999999999999999999999999.999999999999")},
        {"notional": Decimal("99999999999999.999999999999999999999999")},
        {"open": None, "high": None, "low": None, "close": None, "vwap": None, "notional": None},
        {"trade_count": 0, "first_ts_event": None, "last_ts_event": None},
        {"first_ts_event": START_NS + 123_456_789, "complete": False},
        {"symbol": "BTC-USD'; drop table candles; --\t\\N", "revision_reason": "late+cancel"},
    ],
    ids=lambda fields: ",".join(fields),
)
def test_every_value_comes_back_exact(sink: Sink, store: Store, fields: dict[str, Any]) -> None:
    written = candle(**fields)
    store.write([written])
    assert list(store.read()) == sink.kept([written])


def test_every_revision_is_kept(database: Postgres, url: str) -> None:
    database.write([candle(0, 0), candle(0, 2), candle(0, 1), candle(0, 1)])
    with psycopg.connect(url) as connection:
        kept_revisions = connection.execute("select revision, open from candle_revisions order by revision").fetchall()
    assert kept_revisions == [(0, 100), (1, 101), (2, 102)]


def test_windows_of_a_year_are_in_the_partitions_of_their_months_and_old_ones_can_be_dropped(
    database: Postgres,
) -> None:
    database.write([candle(30 * number, resolution="1d") for number in range(3)])
    assert database.retain(datetime(2023, 12, 31, tzinfo=UTC)) == ["candles_2023_11"]
    days = [f"{floor_instant(each['window_start']):%Y-%m-%d}" for each in database.read()]
    assert days == ["2023-12-14", "2024-01-13"]
    database.write([candle(0, resolution="1d")])
    assert len(list(database.read())) == 3


def test_a_migration_runs_once_also_when_two_begin_at_once(url: str) -> None:
    def prepare() -> None:
        with Postgres(url) as each:
            each.prepare()

    threads = [threading.Thread(target=prepare) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with psycopg.connect(url) as connection:
        applied = connection.execute("select name from schema_migrations order by name").fetchall()
    assert applied == [("0001_candles",), ("0002_reference",), ("0003_reference_changes",), ("0004_users",)]


def test_what_is_committed_is_projected_and_what_is_aborted_is_not(topic: Topic, postgres: Sink) -> None:
    with projecting(topic, postgres, name := uuid4().hex):
        topic.commit(candle(0), candle(1))
        topic.abort(candle(0, 9), candle(2))
        topic.commit(candle(0, 1))
        wait_until(equal(topic, postgres), "the projection")
        wait_until(lambda: metric("lag_records", name) == 0, "a lag of nothing")


def test_what_is_no_candle_is_told_with_its_place_and_stops_nothing(
    topic: Topic, postgres: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    with projecting(topic, postgres, name := uuid4().hex):
        topic.garbage()
        topic.commit(candle(0))
        wait_until(equal(topic, postgres), "the projection")
    assert metric("rejected_total", name) == 1
    assert f"{topic.name}[" in caplog.text
    assert "offset 0: " in caplog.text


def test_a_symbol_that_a_database_cannot_hold_stops_nothing(
    topic: Topic, postgres: Sink, database: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    topic.commit(candle(0, symbol="A\0"))
    topic.committed.clear()
    topic.commit(candle(1))
    with projecting(topic, postgres, name := uuid4().hex):
        wait_until(equal(topic, postgres), "the projection")
    assert metric("rejected_total", name) == 1
    assert "has a NUL" in caplog.text
    stack = topic.stack
    with CommittedReader(stack.kafka_client(), stack.registry_client(), {topic.name: "candle"}) as reader:
        assert rebuild(reader, database, lambda _: None) == 1


def test_a_projection_goes_on_where_it_ended_and_two_do_no_harm(topic: Topic, postgres: Sink) -> None:
    name = uuid4().hex
    with projecting(topic, postgres, name):
        topic.commit(candle(0), candle(1))
        wait_until(equal(topic, postgres), "the projection")
    topic.commit(candle(0, 1), candle(2))
    with projecting(topic, postgres, name), projecting(topic, postgres, uuid4().hex):
        topic.commit(candle(3))
        wait_until(equal(topic, postgres), "both projections")


def test_months_older_than_the_retention_are_dropped(topic: Topic, postgres: Sink, database: Postgres) -> None:
    database.write([candle()])
    now = candle(window_start=time.time_ns(), window_end=time.time_ns())
    with projecting(topic, postgres, uuid4().hex, retention=timedelta(days=62)):
        topic.commit(now)
        seconds = [now["window_start"] // 10**9]
        wait_until(
            lambda: [each["window_start"] // 10**9 for each in postgres.held()] == seconds, "the new candle alone"
        )


def test_a_server_that_is_killed_costs_no_candle(topic: Topic, sink: Sink, stack: Stack) -> None:
    with projecting(topic, sink, name := uuid4().hex):
        topic.commit(candle(0), candle(0, symbol="never traded again"))
        wait_until(equal(topic, sink), "the projection")
        os.kill(stack.pids[sink.name], signal.SIGKILL)
        for number in range(1, 20):
            topic.commit(candle(number), candle(number - 1, 1))
            time.sleep(0.1)
        wait_until(equal(topic, sink), "the projection after the kill")
        assert metric("retries_total", name)


def test_what_was_tampered_with_is_named_and_mended_by_a_rebuild(topic: Topic, database: Postgres, url: str) -> None:
    topic.commit(*(candle(number) for number in range(5)), candle(4, 1))
    expected = {CandleKey.of(each): each for each in highest(topic.committed)}
    stack = topic.stack
    with CommittedReader(stack.kafka_client(), stack.registry_client(), {topic.name: "candle"}) as reader:
        assert rebuild(reader, database, lambda _: None) == 6
    assert not list(differences(expected, database))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "update candle_revisions set volume = volume + 1e-12 where window_start = '2023-11-14T22:13:21Z'"
        )
        connection.execute("delete from candle_revisions where window_start = '2023-11-14T22:13:22Z'")
    database.write([candle(3, symbol="B")])
    found = {
        (each.kind, each.key.symbol, (each.key.window_start - START_NS) // 10**9, *each.fields)
        for each in differences(expected, database)
    }
    assert found == {("differing", "A", 1, "volume"), ("missing", "A", 2), ("unexpected", "B", 3)}
    with CommittedReader(stack.kafka_client(), stack.registry_client(), {topic.name: "candle"}) as reader:
        rebuild(reader, database, lambda _: None)
    assert not list(differences(expected, database))


def test_a_rebuild_forgets_what_was_not_committed(topic: Topic, sink: Sink, store: Store) -> None:
    store.write([candle(9), candle(0, symbol="B")])
    topic.commit(*(candle(number) for number in range(5)), candle(4, 1))
    stack = topic.stack
    with CommittedReader(stack.kafka_client(), stack.registry_client(), {topic.name: "candle"}) as reader:
        assert rebuild(reader, store, lambda _: None) == 6
    assert sink.held() == sink.kept(topic.committed)


def test_the_command_projects_serves_its_metrics_and_ends_with_ctrl_c(stack: Stack, sink: Sink) -> None:
    addresses = {"brokers": stack.bootstrap_servers, "registry": stack.registry_url, "resolutions": "1s,2s"}
    create_missing(Settings.load(addresses), [topics.candles("1s"), topics.candles("2s")])
    topic = Topic(stack, topics.candles("2s"))
    topic.commit(candle(0, resolution="2s"), candle(1, resolution="2s"))
    (port,) = ports.free(1)
    flags = [f"--metrics-port={port}", *(f"--{name}={value}" for name, value in addresses.items())]
    process = subprocess.Popen(
        stacks.command("project", "run", sink.name, *flags),
        env={**stacks.environment(stack.folder), f"TICKLOOM_{sink.name.upper()}_URL": sink.url},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(
            lambda: [each for each in sink.held() if each["resolution"] == "2s"] == sink.kept(topic.committed),
            "candles, and those of all other tests",
            180,
        )
        served = httpx.get(f"http://127.0.0.1:{port}").text
        assert f'tickloom_projection_candles_total{{projection="{sink.name}"}}' in served
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    assert told == f"candles of {stack.bootstrap_servers} go to {sink.name}; Ctrl-C stops\n"
    assert process.returncode == 0


@pytest.mark.parametrize("scheme", ["postgres", "redis"])
def test_a_server_that_is_not_there_is_one_line_without_the_password(scheme: str) -> None:
    with pytest.raises(StoreError) as raised:
        Sink(scheme, f"{scheme}://tickloom:hidden@127.0.0.1:1/0").connect()
    assert "127.0.0.1" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "hidden" not in str(raised.value)
