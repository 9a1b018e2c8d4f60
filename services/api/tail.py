"""Committed records as they become visible, for any number of listeners, each from where it was.

A topic's sequence is the offset of every partition. A listener that comes back with it gets what it has missed straight
from Kafka, then goes on with the others: no gap, no repeat, also when the API was started anew meanwhile.
"""

import asyncio
import logging
import operator
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas import broker
from schemas.codec import CodecError, Decoder
from schemas.registered import Registry
from services.api.newest import Newest
from services.committed import READER
from services.logs import warn_of
from services.traces import Traces

BATCH = 1_000
POLL_S = 0.1
AT_ONCE = 50
"""Records of a batch that are taken before others get their turn: an answer waits a millisecond at most."""
LOOK_S = 10
LOOK_AGAIN_S = 5
"""For topics that are not there yet."""
WAITING = 5_000
"""Records that may wait for a listener; one that is slower is sent away and may come back with its sequence."""
CATCHING_UP = 4
"""Listeners that are given what they missed at a time."""
LOG = logging.getLogger("tickloom.api")

T = TypeVar("T")
Sequence = tuple[int, ...]
"""The next offset of every partition of a topic."""
Record = dict[str, Any]


class StreamError(Exception):
    """A stream that cannot go on: `status` is that of HTTP."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Item(NamedTuple):
    """A committed record and the sequence after it; no record where the sequence alone has moved, as at the begin."""

    sequence: Sequence
    record: Record | None


@dataclass(eq=False)
class Listener:
    """Someone who waits for the records of a topic."""

    topic: str
    queue: asyncio.Queue[tuple[int, int, Record]] = field(default_factory=lambda: asyncio.Queue(WAITING))
    is_too_slow: bool = False


class Tail:
    """Reads the committed records of some topics, each given with the name of its schema, once for all. Close it."""

    def __init__(
        self,
        kafka: Mapping[str, str],
        registry: Mapping[str, str],
        topics: Mapping[str, str],
        traces: Traces | None = None,
    ) -> None:
        self._properties, self._traces = kafka, traces
        self._kafka = {**READER, "client.id": "tickloom-api", **kafka}
        lookup = Registry(registry).schema
        self._decoders = {topic: Decoder(schema, lookup) for topic, schema in topics.items()}
        self._candles = {topic for topic, schema in topics.items() if schema == "candle"}
        self._newest = Newest(self._decoded)
        self._next: dict[str, list[int]] = {}
        self._listeners: set[Listener] = set()
        self._threads = ThreadPoolExecutor(2 * CATCHING_UP, "tail")
        self._catching_up = asyncio.Semaphore(CATCHING_UP)
        self.error: str | None = "not read yet"

    async def run(self) -> None:
        """Follow the topics until cancelled; what fails is tried again from the same place."""
        while True:
            try:
                await self._follow()
            except KafkaException as error:
                self.error = broker.reason(self._properties, error)
                LOG.warning("%s: %s", self._properties["bootstrap.servers"], self.error)
                await asyncio.sleep(1)

    async def follow(self, topic: str, after: Sequence | None = None) -> AsyncIterator[Item]:
        """The records of a topic after a sequence, or from now on. Raises StreamError."""
        here = self._place(topic)
        if after and (len(after) != len(here) or any(map(operator.gt, after, here))):
            raise StreamError(410, f"{topic} has no such sequence: begin anew")
        listener = Listener(topic)
        self._listeners.add(listener)
        try:
            at = list(after or here)
            yield Item(tuple(at), None)
            async for partition, offset, record in self._missed(topic, at, here):
                at[partition] = offset + 1
                yield Item(tuple(at), record)
            while True:
                partition, offset, record = await self._following(listener)
                at[partition] = offset + 1
                yield Item(tuple(at), record)
        finally:
            self._listeners.discard(listener)

    def newest(self, topic: str, symbol: str) -> bytes | None:
        """The JSON object of the newest candle since this began; None where none has come or Kafka is not followed."""
        return None if self.error else self._newest.candle(topic, symbol)

    async def recent(self, topic: str, records: int) -> Sequence:
        """The sequence so many records before now in every partition, or where the topic begins. Raises StreamError."""
        places = _places(topic, [max(offset - records, 0) for offset in self._place(topic)])
        consumer = Consumer({**self._kafka, "group.id": broker.looking_group()})
        try:
            first = [(await self._in_thread(consumer.get_watermark_offsets, each, LOOK_S))[0] for each in places]
        finally:
            consumer.close()
        return tuple(max(each.offset, begin) for each, begin in zip(places, first, strict=True))

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _place(self, topic: str) -> Sequence:
        if topic not in self._next:
            raise StreamError(503, f"{topic} is not read: {self.error or 'there is no such topic'}")
        return tuple(self._next[topic])

    async def _missed(self, topic: str, since: list[int], until: Sequence) -> AsyncIterator[tuple[int, int, Record]]:
        """What is between two sequences, from a consumer of its own."""
        waiting = {partition for partition, offset in enumerate(since) if offset < until[partition]}
        if not waiting:
            return
        async with self._catching_up:
            consumer = Consumer({**self._kafka, "group.id": broker.looking_group()})
            try:
                await self._in_thread(_begin, consumer, topic, [(each, since[each]) for each in waiting])
                while waiting:
                    for message in await self._in_thread(consumer.consume, BATCH, POLL_S):
                        partition, offset = message.partition() or 0, message.offset() or 0
                        is_wanted = not _is_end(message) and offset < until[partition]
                        if is_wanted and (record := self._decoded(message)):
                            yield partition, offset, record
                        if not is_wanted or offset + 1 == until[partition]:
                            waiting.discard(partition)
            finally:
                consumer.close()

    async def _following(self, listener: Listener) -> tuple[int, int, Record]:
        if listener.is_too_slow and listener.queue.empty():
            raise StreamError(429, f"more than {WAITING:,} records waited: come back with the last sequence")
        return await listener.queue.get()

    async def _in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    async def _follow(self) -> None:
        consumer = await self._in_thread(Consumer, {**self._kafka, "group.id": broker.looking_group()})
        try:
            await self._in_thread(self._assign, consumer)
            while True:
                self.error = None
                look_again_s = time.monotonic() + LOOK_AGAIN_S
                while len(self._next) == len(self._decoders) or time.monotonic() < look_again_s:
                    for number, message in enumerate(await self._in_thread(consumer.consume, BATCH, POLL_S), 1):
                        self._take(message)
                        if number % AT_ONCE == 0:
                            await asyncio.sleep(0)
                if await self._in_thread(self._look, consumer):
                    await self._in_thread(self._assign, consumer)
        finally:
            consumer.close()

    def _look(self, consumer: Consumer) -> bool:
        """Whether topics are there by now: a job's may come after the API. To assign anew stops all for a moment."""
        return bool((self._decoders.keys() - self._next.keys()) & consumer.list_topics(timeout=LOOK_S).topics.keys())

    def _assign(self, consumer: Consumer) -> None:
        """Begin where this tail was, else at the end of what is committed."""
        found = consumer.list_topics(timeout=LOOK_S).topics
        for topic in self._decoders:
            if topic in found and topic not in self._next:
                places = [TopicPartition(topic, partition) for partition in sorted(found[topic].partitions)]
                self._next[topic] = [consumer.get_watermark_offsets(each, LOOK_S)[1] for each in places]
        consumer.assign([place for topic, offsets in self._next.items() for place in _places(topic, offsets)])

    def _take(self, message: Message) -> None:
        began_ns = time.time_ns()
        topic, partition, offset = message.topic() or "", message.partition() or 0, message.offset() or 0
        if _is_end(message):
            self._next[topic][partition] = offset
            return
        self._next[topic][partition] = offset + 1
        if topic in self._candles:
            self._newest.take(message)
        listeners = [each for each in self._listeners if each.topic == topic and not each.is_too_slow]
        if listeners and (record := self._decoded(message)):
            for listener in listeners:
                _hand(listener, (partition, offset, record))
        if self._traces and topic in self._candles:
            symbol = (message.key() or b"").decode()
            if of := self._traces.of(symbol, message.timestamp()[1] * 1_000_000):
                self._traces.span("receive", of, topic, began_ns, symbol=symbol, partition=partition, offset=offset)

    def _decoded(self, message: Message) -> Record | None:
        try:
            return self._decoders[message.topic() or ""].decode(message.value() or b"")
        except CodecError as error:
            warn_of(LOG, message.topic(), message.partition(), message.offset(), error)
            return None


def _hand(listener: Listener, found: tuple[int, int, Record]) -> None:
    try:
        listener.queue.put_nowait(found)
    except asyncio.QueueFull:
        listener.is_too_slow = True


def _is_end(message: Message) -> bool:
    """Whether it only says that its partition ends here. Raises KafkaException for what cannot go on."""
    error = message.error()
    if error is None:
        return False
    if error.code() != KafkaError._PARTITION_EOF:
        raise KafkaException(error)
    return True


def _places(topic: str, offsets: list[int]) -> list[TopicPartition]:
    return [TopicPartition(topic, partition, offset) for partition, offset in enumerate(offsets)]


def _begin(consumer: Consumer, topic: str, places: list[tuple[int, int]]) -> None:
    """Raises StreamError when what was missed is there no more."""
    assigned = [TopicPartition(topic, partition, offset) for partition, offset in places]
    for each in assigned:
        first, _ = consumer.get_watermark_offsets(each, LOOK_S)
        if each.offset < first:
            raise StreamError(410, f"{topic} no longer has what came after this sequence: begin anew")
    consumer.assign(assigned)
