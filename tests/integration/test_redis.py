"""The latest candle in Redis: on a server of the test's own, with neither Kafka nor Flink."""

import asyncio
import os
import signal
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import pytest
import redis
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from deploy.errors import UserError
from deploy.stack import ports
from deploy.stack import redis as part
from services.candle_json import encode
from services.latest import TIMEOUT_S, Latest
from services.oracle import SECOND_NS, CandleKey
from services.projections.agreement import differences
from services.projections.redis import TTL_S, Redis, key
from services.projections.store import StoreError
from tests.integration.candle_job import wait_until
from tests.services.candles import candle

pytestmark = pytest.mark.integration

A = key("A", "1s")
RECENT_NS = (time.time_ns() // SECOND_NS - 60) * SECOND_NS
Answer = TypeVar("Answer")


class Server:
    """A redis-server as a stack has it, without its supervisor."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (port,) = ports.free(1)
        self.ports = ports.Ports.model_validate({**dict.fromkeys(ports.Ports.model_fields, 1), "redis": port})
        part.prepare(folder, self.ports)
        self.url = part.url(folder, self.ports)
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(part.command(self.folder), cwd=self.folder, stdout=subprocess.DEVNULL)
        wait_until(self.answers, "a Redis server")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def answers(self) -> bool:
        with redis.Redis.from_url(self.url) as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("a stack"))
    yield server
    server.kill()


@pytest.fixture
def client(server: Server) -> Iterator[redis.Redis]:
    """Sees what is there as others see it; nothing at first."""
    with redis.Redis.from_url(server.url) as client:
        client.flushdb()
        yield client


@pytest.fixture
def store(server: Server, client: redis.Redis) -> Iterator[Redis]:
    with closing(Redis(server.url)) as store:
        yield store


def recent(number: int = 0, **fields: Any) -> dict[str, Any]:
    """The candle of a second of the last minute."""
    start = RECENT_NS + number * SECOND_NS
    return candle(**{"window_start": start, "window_end": start + SECOND_NS, **fields})


def by_key(*candles: dict[str, Any]) -> dict[CandleKey, dict[str, Any]]:
    return {CandleKey.of(each): each for each in candles}


def found(committed: dict[CandleKey, dict[str, Any]], store: Redis) -> list[tuple[str, CandleKey]]:
    return [(each.kind, each.key) for each in differences(committed, store)]


batches = st.lists(
    st.lists(
        st.builds(
            candle,
            st.integers(0, 3),
            st.integers(0, 11),
            symbol=st.sampled_from("AB"),
            resolution=st.sampled_from(["1s", "1m"]),
        ),
        max_size=12,
    ),
    max_size=6,
)


def test_of_two_that_write_at_once_in_any_order_the_latest_stays(server: Server, store: Redis) -> None:
    @examples(max_examples=60, deadline=None)
    @given(batches, batches)
    def stays(some: list[list[dict[str, Any]]], others: list[list[dict[str, Any]]]) -> None:
        store.clear()
        with closing(Redis(server.url)) as another:
            threads = [
                threading.Thread(target=lambda to, all_of: [to.write(each) for each in all_of], args=each)
                for each in ((store, some), (another, others))
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(30)
        ranks: dict[tuple[str, str], tuple[int, int]] = {}
        for each in (each for written in (*some, *others) for each in written):
            of, rank = (each["symbol"], each["resolution"]), (each["window_start"], each["revision"])
            ranks[of] = max(rank, ranks.get(of, rank))
        held = {(each["symbol"], each["resolution"]): (each["window_start"], each["revision"]) for each in store.read()}
        assert held == ranks

    stays()


def test_what_is_there_is_the_json_of_the_candle(store: Redis, client: redis.Redis) -> None:
    store.write([candle(1), candle(0, symbol="B:1s", resolution="1d")])
    assert client.get("tickloom:candle:1s:A") == encode(candle(1))
    assert client.get("tickloom:candle:1d:B:1s") == encode(candle(0, symbol="B:1s", resolution="1d"))


def test_a_candle_expires_unless_a_later_one_comes_and_is_then_not_missing(
    store: Redis, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write([recent(0), recent(0, symbol="B")])
    assert TTL_S - 10 < int(client.ttl(A)) <= TTL_S  # type: ignore[arg-type]
    client.expire(A, 5)
    store.write([recent(0)])
    assert int(client.ttl(A)) <= 5  # type: ignore[arg-type]
    store.write([recent(1)])
    assert int(client.ttl(A)) > 5  # type: ignore[arg-type]
    monkeypatch.setattr("services.projections.redis.TTL_S", 1)
    store.write([recent(2)])
    wait_until(lambda: client.get(A) is None, "the end of a candle")
    assert found(by_key(recent(2)), store) == [("unexpected", CandleKey.of(recent(0, symbol="B")))]


def test_what_was_tampered_with_is_named(store: Redis, client: redis.Redis) -> None:
    committed = by_key(
        recent(0), *(recent(number, symbol=symbol) for symbol in "ABCD" for number in (1, 2)), candle(symbol="old")
    )
    store.write(committed.values())
    assert found(committed, store) == []
    client.delete(key("old", "1s"))  # expired, for all one knows
    client.delete(key("B", "1s"))
    client.set(key("C", "1s"), encode(recent(1, symbol="C")))
    client.set(key("D", "1s"), encode(recent(2, symbol="D", close="1")))
    client.set(key("E", "1s"), encode(recent(2, symbol="E")))
    assert sorted((kind, at.symbol, at.window_start // SECOND_NS) for kind, at in found(committed, store)) == [
        ("differing", "D", recent(2)["window_start"] // SECOND_NS),
        ("missing", "B", recent(2)["window_start"] // SECOND_NS),
        ("missing", "C", recent(2)["window_start"] // SECOND_NS),
        ("unexpected", "C", recent(1)["window_start"] // SECOND_NS),
        ("unexpected", "E", recent(2)["window_start"] // SECOND_NS),
    ]


@pytest.mark.parametrize(
    ("value", "said"), [(b"{", "holds no candle"), (encode(candle(symbol="B")), "holds a candle of B 1s")]
)
def test_what_is_no_candle_of_its_key_is_named_and_the_next_candle_replaces_it(
    store: Redis, client: redis.Redis, value: bytes, said: str
) -> None:
    client.set(A, value)
    with pytest.raises(StoreError, match=f"^Redis: {A} {said}$"):
        list(store.read())
    store.write([candle(1)])
    assert client.get(A) == encode(candle(1))


def test_a_full_server_drops_candles_and_takes_new_ones(store: Redis, client: redis.Redis) -> None:
    symbols = [f"S{number}" for number in range(6_000)]
    limit = client.config_get("maxmemory")["maxmemory"]  # type: ignore[index]
    client.config_set("maxmemory", client.info("memory")["used_memory"] + 2 * 2**20)  # type: ignore[index]
    try:
        store.write([candle(symbol=symbol) for symbol in symbols])
        assert 0 < len(list(store.read())) < len(symbols)
    finally:
        client.config_set("maxmemory", limit)


def test_what_a_server_refuses_is_one_line_with_the_reason(store: Redis, client: redis.Redis) -> None:
    before = client.config_get("maxmemory*")
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", 1)
    try:
        with pytest.raises(StoreError, match=r"^Redis: Error running script .*: -OOM command not allowed when .*$"):
            store.write([candle()])
    finally:
        for name, value in before.items():  # type: ignore[union-attr]
            client.config_set(name, value)


def test_a_rebuild_leaves_alone_what_is_not_its_own(store: Redis, client: redis.Redis) -> None:
    client.set("theirs", "1")
    store.write([candle(), candle(symbol="B")])
    store.clear()
    assert client.keys() == [b"theirs"]


def test_what_was_written_outlives_a_kill(tmp_path: Path) -> None:
    server = Server(tmp_path)
    try:
        with closing(Redis(server.url)) as store:
            store.write([candle(), candle(symbol="B")])
        server.kill()
        server.start()
        with closing(Redis(server.url)) as store:
            assert {each["symbol"] for each in store.read()} == {"A", "B"}
    finally:
        server.kill()


def test_nobody_comes_in_or_reads_the_settings_without_the_password(server: Server) -> None:
    url = server.url.replace(part.password(server.folder), "wrong")
    with pytest.raises(StoreError, match=r"^Redis: invalid username-password pair or user is disabled\.$"):
        Redis(url)
    for name in ("password", "redis.conf"):
        assert (server.folder / "redis" / name).stat().st_mode & 0o077 == 0
    assert part.password(server.folder) not in " ".join(part.command(server.folder))


@pytest.mark.parametrize("url", ["127.0.0.1:6379", "redis://127.0.0.1:6379/x/y?db=z"])
def test_an_address_that_is_none_is_one_line(url: str) -> None:
    with pytest.raises(StoreError, match=r"^Redis: .*URL"):
        Redis(url)


def test_the_first_build_that_runs_on_the_machine_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.paths.STATE", tmp_path)
    monkeypatch.setattr("platform.system", lambda: "Plan 9")
    with pytest.raises(UserError, match=r"no Redis server that runs here, on Plan 9 "):
        part.command(tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr("deploy.paths.STATE", tmp_path)
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "both")
    monkeypatch.setitem(part.BUILDS, ("Linux", "both"), ("darwin-amd64", "linux-386"))
    program = part.command(tmp_path)[0]
    assert "v=6.2.7" in subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout


def asked(url: str, question: Callable[[Latest], Awaitable[Answer]]) -> Answer:
    async def ask() -> Answer:
        async with Latest(url) as latest:
            return await question(latest)

    return asyncio.run(ask())


async def one(latest: Latest, symbol: str, resolution: str) -> bytes | None:
    return (await latest.candles([symbol], resolution))[0]


def counted(result: str) -> float:
    return REGISTRY.get_sample_value("tickloom_cache_requests_total", {"result": result}) or 0


def test_the_latest_candle_is_there_to_be_sent_and_questions_are_counted(server: Server, store: Redis) -> None:
    store.write([candle(1), candle(0, symbol="B")])
    hits, misses = counted("hit"), counted("miss")

    async def questions(latest: Latest) -> list[bytes | None]:
        return [await one(latest, "A", "1s"), await one(latest, "A", "1m"), await one(latest, "B", "1s")]

    assert asked(server.url, questions) == [encode(candle(1)), None, encode(candle(0, symbol="B"))]
    assert (counted("hit"), counted("miss")) == (hits + 2, misses + 1)


def test_more_questions_at_once_than_connections_are_all_answered(
    server: Server, store: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.latest.TIMEOUT_S", 10)
    monkeypatch.setattr("services.latest.CONNECTIONS_MAX", 2)
    store.write([candle()])

    async def questions(latest: Latest) -> list[bytes | None]:
        return await asyncio.gather(*(one(latest, "A", "1s") for _ in range(100)))

    assert set(asked(server.url, questions)) == {encode(candle())}


def test_a_server_that_hangs_or_is_gone_is_not_waited_for_and_used_again_when_it_is_back(tmp_path: Path) -> None:
    server = Server(tmp_path)
    errors = counted("error")
    with closing(Redis(server.url)) as store:
        store.write([candle()])

    async def questions(latest: Latest) -> list[bytes | None]:
        before = await one(latest, "A", "1s")
        os.kill(server.process.pid, signal.SIGSTOP)
        began = time.monotonic()
        hanging = await one(latest, "A", "1s")
        assert time.monotonic() - began < 4 * TIMEOUT_S
        server.kill()
        gone = await one(latest, "A", "1s")
        server.start()
        return [before, hanging, gone, await one(latest, "A", "1s")]

    try:
        there = encode(candle())
        assert asked(server.url, questions) == [there, None, None, there]
        assert counted("error") == errors + 2
    finally:
        server.kill()
