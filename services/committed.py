"""Reads topics as downstream does: committed records only, noting when each became visible."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas import broker
from schemas.codec import Decoder
from schemas.lake import PLACE
from schemas.registered import Registry

TIMEOUT_S = 10


class CommittedReadError(ValueError):
    """The topics cannot be read: no broker, no such topic, or no answer in time."""


@dataclass(frozen=True, slots=True)
class Committed:
    """A committed record: where it is, what it says, and the wall clock (ns) when this reader got it."""

    topic: str
    partition: int
    offset: int
    visible_ns: int
    record: dict[str, Any]

    def placed(self) -> dict[str, Any]:
        """The record with its place, under the names that the lake has for it."""
        return {**self.record, **dict(zip(PLACE, (self.partition, self.offset), strict=True))}


class CommittedReader:
    """A read-committed consumer of whole topics that belongs to no group and commits nothing.

    `kafka` and `registry` are properties of their clients, `topics` names the schema of each topic, such as
    `{"md.candles.1s.v1": "candle"}`. Close it, or use it as a context manager.
    Raises CommittedReadError when the broker or a topic is not there.
    """

    def __init__(self, kafka: Mapping[str, str], registry: Mapping[str, str], topics: Mapping[str, str]) -> None:
        self._brokers = kafka["bootstrap.servers"]
        self._lookup = Registry(registry).schema
        self._decoders = {topic: Decoder(name, self._lookup) for topic, name in topics.items()}
        self._consumer = Consumer({**READER, "group.id": broker.looking_group(), **kafka})
        try:
            self._partitions = [each for topic in topics for each in beginnings(self._consumer, kafka, topic)]
            self._consumer.assign(self._partitions)
        except BaseException:
            self.close()
            raise
        self._next = {(each.topic, each.partition): 0 for each in self._partitions}

    def poll(self, timeout_s: float) -> Committed | None:
        """The next record, or None when none became visible in time. Follows the topics live.

        Raises CommittedReadError when the consumer fails.
        """
        message = self._consumer.poll(timeout_s)
        visible_ns = time.time_ns()
        if message is None or self._is_end(message):
            return None
        self._next[message.topic(), message.partition()] = message.offset() + 1
        record = self._decoders[message.topic()].decode(message.value())
        return Committed(message.topic(), message.partition(), message.offset(), visible_ns, record)

    def read_to_end(self, timeout_s: float) -> Iterator[Committed]:
        """Everything not yet read up to the last stable offsets as they are now.

        Raises CommittedReadError when that takes longer than `timeout_s`.
        """
        deadline = time.monotonic() + timeout_s
        pending = self._pending()
        while pending:
            if time.monotonic() > deadline:
                raise CommittedReadError(f"{self._brokers}: {_places(pending)} not read within {timeout_s:g} s")
            found = self.poll(0.1)
            if found is not None:
                yield found
            pending = {place: end for place, end in pending.items() if self._next[place] < end}

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _pending(self) -> dict[tuple[str, int], int]:
        """The last stable offset of every partition that is not read so far."""
        ends = {}
        for each in self._partitions:
            _, stable = self._consumer.get_watermark_offsets(each, timeout=TIMEOUT_S)
            ends[each.topic, each.partition] = stable
        return {place: end for place, end in ends.items() if self._next[place] < end}

    def _is_end(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return False
        if error.code() != KafkaError._PARTITION_EOF:
            raise CommittedReadError(f"{self._brokers}: {message.topic() or ''}: {error.str()}")
        # Past the markers and aborted records in front of it, which are not delivered.
        self._next[message.topic(), message.partition()] = message.offset()
        return True


def beginnings(consumer: Consumer, kafka: Mapping[str, str], topic: str) -> list[TopicPartition]:
    """Where the partitions of a topic begin, for a consumer with these properties. Raises CommittedReadError."""
    brokers = kafka["bootstrap.servers"]
    try:
        found = consumer.list_topics(topic, timeout=TIMEOUT_S).topics[topic]
    except KafkaException as error:
        raise CommittedReadError(f"no broker answers at {brokers}: {broker.reason(kafka, error)}") from error
    if found.error is not None:
        raise CommittedReadError(f"{brokers}: topic {topic}: {found.error.str()}")
    return [TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in found.partitions]


def _places(places: Mapping[tuple[str, int], int]) -> str:
    return ", ".join(f"{topic}[{partition}]" for topic, partition in places)


READER = {
    "client.id": "tickloom-committed",
    "isolation.level": "read_committed",
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "fetch.wait.max.ms": 100,
    "queued.max.messages.kbytes": 16_384,
}
"""How a consumer reads what is committed, and keeps its place by itself."""
