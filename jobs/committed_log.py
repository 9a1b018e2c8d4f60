"""What has been read of the topics and is kept for the next question: trades by place, candles by time."""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from schemas import broker
from udfs.sources import Range

TIMEOUT_S = 10
CHUNK = 4_096
CHUNKS_MAX = 64
"""Trades are read in chunks of so many offsets, and the last ones used are kept: about 50 MB."""
CANDLES_MAX = 200_000
"""So many candles are kept, about 50 MB; what a question needs is kept even when it is more."""

Place = tuple[str, int]
"""(topic, partition)."""


class MarketError(Exception):
    """The broker does not answer, or the topics do not hold what they must."""


class CommittedLog:
    """Reads stretches of topics. Close it."""

    def __init__(self, kafka: Mapping[str, str]) -> None:
        self._consumer = Consumer({**_READER, "group.id": broker.looking_group(), **kafka})

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()

    def offset_at(self, place: Place, time_ms: int) -> int | None:
        """Where the first record that is not before a time stands; None when there is none."""
        (found,) = self._consumer.offsets_for_times([TopicPartition(*place, time_ms)], TIMEOUT_S)
        return found.offset if found.offset >= 0 else None

    def read(self, topic: str, wanted: Range) -> Iterator[Message]:
        """The committed records from first to last, as far as there are any. Raises MarketError."""
        self._consumer.assign([TopicPartition(topic, wanted.partition, wanted.first)])
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            message = self._consumer.poll(0.2)
            if message is None:
                continue
            error = message.error()
            if error is not None and error.code() != KafkaError._PARTITION_EOF:
                raise MarketError(f"{topic}[{wanted.partition}]: {error.str()}")
            if error is not None or message.offset() > wanted.last:
                return
            yield message
            if message.offset() == wanted.last:
                return
            deadline = time.monotonic() + TIMEOUT_S
        raise MarketError(f"{topic}[{wanted.partition}] from {wanted.first}: nothing within {TIMEOUT_S} s")


@dataclass
class _Chunk:
    """Trades by key, up to the offset `end`."""

    end: int
    by_key: dict[bytes | None, list[Message]] = field(default_factory=lambda: defaultdict(list))

    def of(self, symbol: str) -> Iterator[Message]:
        """Those that may be of a symbol: a producer may have left the key out."""
        yield from self.by_key.get(symbol.encode(), ())
        yield from self.by_key.get(None, ())


class Trades:
    """Stretches of the trades topic."""

    def __init__(self, log: CommittedLog, topic: str) -> None:
        self._log, self._topic = log, topic
        self._chunks: dict[tuple[int, int], _Chunk] = {}

    def of(self, symbol: str, wanted: Range) -> Iterator[Message]:
        """The messages in a range that may be of a symbol."""
        for number in range(wanted.first // CHUNK, wanted.last // CHUNK + 1):
            for message in self._chunk(wanted.partition, number, wanted.last).of(symbol):
                if wanted.first <= message.offset() <= wanted.last:
                    yield message

    def _chunk(self, partition: int, number: int, last: int) -> _Chunk:
        """A stretch of the topic; read on when it was not yet written as far as `last`."""
        end = (number + 1) * CHUNK
        kept = self._chunks.pop((partition, number), None) or _Chunk(number * CHUNK)
        if kept.end <= min(last, end - 1):
            for message in self._log.read(self._topic, Range(partition, kept.end, end - 1)):
                kept.by_key[message.key()].append(message)
                kept.end = message.offset() + 1
        self._chunks[partition, number] = kept
        if len(self._chunks) > CHUNKS_MAX:
            del self._chunks[next(iter(self._chunks))]
        return kept


@dataclass
class _Slice:
    """The candles of a partition that end at a time or later, not decoded, by symbol, up to the offset `end`."""

    first_ms: int
    end: int
    count: int = 0
    values: dict[bytes, list[bytes]] = field(default_factory=lambda: defaultdict(list))


class Candles:
    """The candle topics as far as they have settled. What is kept is read on from where it ended."""

    def __init__(self, log: CommittedLog) -> None:
        self._log = log
        self._stable: dict[Place, int] = {}
        self._slices: dict[Place, _Slice] = {}

    def settle(self, stable: dict[Place, int]) -> None:
        """Everything before these offsets is settled now."""
        self._stable = stable
        if sum(each.count for each in self._slices.values()) > CANDLES_MAX:
            self._slices.clear()

    def of(self, symbol: str, place: Place, first_ms: int) -> list[bytes]:
        """The candles of a symbol that end at a time or later."""
        kept = self._slices.get(place)
        if kept is None or kept.first_ms > first_ms:
            offset = self._log.offset_at(place, first_ms)
            kept = self._slices[place] = _Slice(first_ms, self._stable[place] if offset is None else offset)
        self._read_on(kept, place)
        return kept.values.get(symbol.encode(), [])

    def _read_on(self, kept: _Slice, place: Place) -> None:
        topic, partition = place
        if kept.end >= self._stable[place]:
            return
        for message in self._log.read(topic, Range(partition, kept.end, self._stable[place] - 1)):
            kept.values[message.key()].append(message.value())
            kept.count += 1
        kept.end = self._stable[place]


_READER = {
    "client.id": "tickloom-market",
    "isolation.level": "read_committed",
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "earliest",
    "fetch.wait.max.ms": 5,
    "queued.max.messages.kbytes": 16_384,
}
