"""Streams of committed candles: no gap and no repeat, whatever happens to listener, connection or server."""

import asyncio
import json
import random
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from deploy.stack import Stack
from schemas import topics
from services.api import tail
from services.api.app import Sources
from services.api.tail import Tail
from services.candle_json import plain
from tests.integration.candle_job import wait_until
from tests.integration.served import served, sources
from tests.integration.test_projections import Topic
from tests.services.candles import START_NS, candle

pytestmark = pytest.mark.integration

PARTITIONS = 2


@pytest.fixture
def resolution() -> str:
    """A length that no other test has, and so a topic of the test's own."""
    return f"{uuid4().int % 10**9}s"


@pytest.fixture
def topic(stack: Stack, resolution: str) -> Topic:
    return topic_of(stack, topics.candles(resolution))


def topic_of(stack: Stack, name: str) -> Topic:
    """A new topic of this name."""
    admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers})
    admin.create_topics([NewTopic(name, PARTITIONS, 1)])[name].result(30)
    return Topic(stack, name)


@pytest.fixture
def told(stack: Stack, url: str, resolution: str, topic: Topic) -> Sources:
    return sources(stack, url, resolutions=(resolution,), candle_names=(resolution,))


def numbered(number: int, **fields: Any) -> dict[str, Any]:
    return candle(number, **{"symbol": "ABCD"[number % 4], **fields})


def length(topic: Topic) -> str:
    return topic.name.split(".")[2]


@dataclass
class Listener:
    """Reads the events of a stream, and comes back with the last id."""

    resolution: str
    last_id: str | None = None
    candles: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)

    def listen(self, api: httpx.Client, until: int, **parameters: Any) -> None:
        """Until so many candles are here in all."""
        headers = {"Last-Event-ID": self.last_id} if self.last_id else {}
        question = {"resolution": self.resolution, **parameters}
        with api.stream("GET", "/v1/stream", params=question, headers=headers) as answer:
            assert answer.status_code == 200, answer.read()
            for event in _events(answer):
                self._take(event)
                if len(self.candles) >= until or self.errors:
                    return

    def _take(self, event: dict[str, str]) -> None:
        self.last_id = event.get("id", self.last_id)
        if event.get("event") == "error":
            self.errors.append(json.loads(event["data"]))
        elif "event" not in event:
            self.candles.append(json.loads(event["data"]))


def _number(record: dict[str, Any] | None) -> int:
    return (record["window_start"] - START_NS) // 10**9 if record else -1


def _events(answer: httpx.Response) -> Iterator[dict[str, str]]:
    event = dict[str, str]()
    for line in answer.iter_lines():
        name, _, value = line.partition(": ")
        if line:
            event[name] = value
            continue
        yield event
        event = {}


def begun(api: httpx.Client, listener: Listener) -> None:
    """Wait until the server reads the topic, and note where it is."""

    def reads() -> bool:
        with api.stream("GET", "/v1/stream", params={"resolution": listener.resolution}) as answer:
            if answer.status_code == 200:
                listener.last_id = next(_events(answer))["id"]
            return answer.status_code == 200

    wait_until(reads, "a stream")


def flood(websocket: ClientConnection) -> None:
    for _ in range(2_000):
        websocket.send("x" * 100_000)
        time.sleep(0.001)


def by_symbol(candles: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The order holds within a partition, and so within a symbol."""
    return {symbol: [each for each in candles if each["symbol"] == symbol] for symbol in "ABCD"}


def test_what_is_committed_is_heard_once_and_what_is_aborted_is_not(told: Sources, topic: Topic) -> None:
    with served(told) as api:
        begun(api, listener := Listener(length(topic)))
        topic.commit(*(numbered(number) for number in range(8)))
        topic.abort(numbered(8))
        topic.commit(numbered(3, revision=1))
        listener.listen(api, 9)
    assert by_symbol(listener.candles) == by_symbol([plain(each) for each in topic.committed])


def test_the_latest_candle_is_known_once_it_is_committed_without_asking_a_database(told: Sources, topic: Topic) -> None:
    with served(told) as api:
        begun(api, listener := Listener(length(topic)))
        topic.commit(numbered(0), numbered(4))
        topic.abort(numbered(8))
        listener.listen(api, 2)
        answer = api.get("/v1/latest", params={"symbol": "A", "resolution": length(topic)})
    assert answer.json() == [plain(numbered(4))]


def test_a_listener_that_comes_back_misses_nothing_and_hears_nothing_twice_also_from_another_server(
    told: Sources, topic: Topic
) -> None:
    dice, sent = random.Random(7), 300
    listener = Listener(length(topic))
    with served(told) as api:
        begun(api, listener)

    def send() -> None:
        for number in range(0, sent, 10):
            topic.commit(*(numbered(each) for each in range(number, number + 10)))
            topic.abort(numbered(number))
            time.sleep(0.05)

    sending = threading.Thread(target=send)
    sending.start()
    for _ in range(3):
        with served(told) as api:
            begun(api, Listener(listener.resolution))
            for _ in range(4):
                listener.listen(api, min(sent, len(listener.candles) + dice.randint(1, 40)))
    with served(told) as api:
        begun(api, Listener(listener.resolution))
        listener.listen(api, sent)
    sending.join()
    assert by_symbol(listener.candles) == by_symbol([plain(each) for each in topic.committed])


def test_a_topic_that_comes_after_the_server_is_heard(stack: Stack, url: str, resolution: str) -> None:
    told = sources(stack, url, resolutions=(resolution,), candle_names=(resolution,))
    listener = Listener(resolution)
    with served(told) as api:
        assert api.get("/v1/stream", params={"resolution": resolution}).status_code == 503
        topic = topic_of(stack, topics.candles(resolution))
        begun(api, listener)
        topic.commit(numbered(1, resolution=resolution))
        listener.listen(api, 1)
    assert len(listener.candles) == 1


def test_only_the_symbols_asked_for_are_heard_and_the_sequence_counts_the_others_too(
    told: Sources, topic: Topic
) -> None:
    with served(told) as api:
        begun(api, listener := Listener(length(topic)))
        topic.commit(*(numbered(number) for number in range(8)))
        listener.listen(api, 4, symbol=["A", "C"])
    assert {each["symbol"] for each in listener.candles} == {"A", "C"}


def test_a_sequence_from_nowhere_is_gone_and_one_that_is_none_is_refused(told: Sources, topic: Topic) -> None:
    with served(told) as api:
        begun(api, listener := Listener(length(topic)))
        statuses = [
            api.get("/v1/stream", params={"resolution": listener.resolution, "after": after}).status_code
            for after in ("999.0", "0", "0.0.0", "x", "-1.0", "1" * 5_000)
        ]
    assert statuses == [410, 410, 410, 422, 422, 422]


def test_a_websocket_hears_the_same_and_comes_back_the_same_and_may_leave_when_it_likes(
    told: Sources, topic: Topic, caplog: pytest.LogCaptureFixture
) -> None:
    heard = list[dict[str, Any]]()
    with served(told) as api:
        begun(api, listener := Listener(length(topic)))
        address = f"{str(api.base_url).replace('http', 'ws')}/v1/stream/ws?resolution={listener.resolution}"
        after = listener.last_id
        for wanted in (3, 8):
            with connect(f"{address}&after={after}") as websocket:
                if not topic.committed:
                    topic.commit(*(numbered(number) for number in range(8)))
                while len(heard) < wanted:
                    message = json.loads(websocket.recv(timeout=20))
                    after = message["sequence"]
                    heard += [message["candle"]] if "candle" in message else []
    assert by_symbol(heard) == by_symbol([plain(each) for each in topic.committed])
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == []


def test_a_websocket_that_floods_is_closed_and_others_go_on(told: Sources, topic: Topic) -> None:
    with served(told) as api:
        begun(api, listener := Listener(length(topic)))
        address = f"{str(api.base_url).replace('http', 'ws')}/v1/stream/ws?resolution={listener.resolution}"
        with connect(address) as websocket:
            websocket.recv(timeout=20)
            with pytest.raises(ConnectionClosed):
                flood(websocket)
        topic.commit(*(numbered(number) for number in range(4)))
        listener.listen(api, 4)
    assert len(listener.candles) == 4


def test_who_reads_too_slowly_is_sent_away_with_all_that_waited_and_goes_on_from_there(
    stack: Stack, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "WAITING", 20)

    async def slow() -> tuple[list[int], str, list[int]]:
        followed = Tail(stack.kafka_client(), stack.registry_client(), {topic.name: "candle"})
        running = asyncio.create_task(followed.run())
        while followed.error:
            await asyncio.sleep(0.05)
        heard, refused, sequence = list[int](), "", tuple[int, ...]()
        stream = followed.follow(topic.name)
        await anext(stream)
        await asyncio.to_thread(topic.commit, *(numbered(number, symbol="A") for number in range(100)))
        await asyncio.sleep(2)
        try:
            async for item in stream:
                sequence = item.sequence
                heard.append(_number(item.record))
        except tail.StreamError as error:
            refused = str(error)
        rest = list[int]()
        async for _, record in followed.follow(topic.name, sequence):
            rest += [_number(record)] if record else []
            if len(rest) == 80:
                break
        running.cancel()
        followed.close()
        return heard, refused, rest

    heard, refused, rest = asyncio.run(slow())
    assert heard + rest == list(range(100))
    assert len(heard) == 20
    assert refused == "more than 20 records waited: come back with the last sequence"


def test_half_a_request_and_clients_that_vanish_hold_nobody_up(told: Sources, topic: Topic) -> None:
    with served(told) as api:
        begun(api, listener := Listener(length(topic)))
        where = (api.base_url.host, api.base_url.port or 0)
        halves = [socket.create_connection(where) for _ in range(50)]
        for each in halves:
            each.sendall(b"GET /v1/stream?resolution=1s HTTP/1.1\r\nHost: x\r\n")
        for _ in range(20):
            gone = socket.create_connection(where)
            gone.sendall(f"GET /v1/stream?resolution={listener.resolution} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            gone.close()
        topic.commit(*(numbered(number) for number in range(4)))
        listener.listen(api, 4)
        for each in halves:
            each.close()
    assert len(listener.candles) == 4
