"""Keeps a store up to date with the committed candles: reads them as a consumer group, writes them, then commits.

What was written but not committed is written again after a failure and changes nothing then: see Store.write.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from prometheus_client import Counter, Gauge
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_delay, wait_exponential_jitter

from schemas import broker, topics
from schemas.codec import CodecError, Decoder
from schemas.registered import Registry
from services.committed import READER, CommittedReader
from services.logs import warn_of
from services.projections.store import Store, StoreError, UnstorableError, require_storable
from services.traces import Traces

BATCH = 5_000
POLL_S = 0.2
STORE_PATIENCE_S = 120
"""How long a store may be away. Below the five minutes after which Kafka gives the partitions to another."""
REBUILD_TIMEOUT_S = 3_600
FORGET_EVERY_S = 3_600

LOG = logging.getLogger("tickloom.projection")
LAG = Gauge("tickloom_projection_lag_records", "Committed candles that are not in the store yet", ["projection"])
BEHIND = Gauge("tickloom_projection_lag_seconds", "Since when the oldest of them is in Kafka", ["projection"])
WRITTEN = Counter("tickloom_projection_candles_total", "Candles written to the store", ["projection"])
REJECTED = Counter("tickloom_projection_rejected_total", "Messages that are no candle", ["projection"])
RETRIES = Counter("tickloom_projection_retries_total", "Writes that were tried again", ["projection"])

TOLD = ("symbol", "window_start", "revision")
"""Of a candle in its trace."""
Place = tuple[str, int]
"""(topic, partition)."""


class ProjectionError(Exception):
    """The topics cannot be read: one line."""


@dataclass
class Projector:
    """A projection that runs: `kafka` and `registry` are properties of their clients, `topics` those of candles.

    The offsets of what the store holds are kept as those of the consumer group `group`.
    """

    kafka: Mapping[str, str]
    registry: Mapping[str, str]
    topics: list[str]
    connect: Callable[[], Store]
    name: str
    group: str
    retention: timedelta | None = None
    """How long candles are kept; none keeps them for ever."""
    traces: Traces | None = None
    _forgot_s: float = -FORGET_EVERY_S
    _positions: dict[Place, int] = field(default_factory=dict)

    def run(self, stopped: Callable[[], bool]) -> None:
        """Project until `stopped`. Raises ProjectionError, and StoreError when the store stays away for too long."""
        for counter in (WRITTEN, REJECTED, RETRIES):
            counter.labels(self.name)  # from nothing on: what is first seen at 1 has not increased
        decoder = Decoder("candle", Registry(self.registry).schema)
        consumer = Consumer({**_GROUP, "group.id": self.group, **self.kafka})
        store = self._connected()
        try:
            consumer.subscribe(self.topics)
            LOG.info("%s follows %s as %s", self.name, ", ".join(self.topics), self.group)
            while not stopped():
                messages = self._records(consumer.consume(BATCH, POLL_S))
                if messages:
                    began_ns, candles = time.time_ns(), list(self._candles(decoder, messages))
                    store = self._write(store, candles)
                    consumer.commit(asynchronous=False)
                    self._trace(candles, began_ns)
                self._measure(consumer, messages)
                store = self._forget(store)
        except KafkaException as error:
            raise ProjectionError(f"{self.kafka['bootstrap.servers']}: {broker.reason(self.kafka, error)}") from error
        finally:
            consumer.close()
            store.close()

    def _records(self, messages: list[Message]) -> list[Message]:
        """The messages that are records; what is at the end of its partition is noted."""
        records = []
        for message in messages:
            error = message.error()
            place, offset = (message.topic() or "", message.partition() or 0), message.offset() or 0
            if error is None:
                records.append(message)
                self._positions[place] = offset + 1
            elif error.code() == KafkaError._PARTITION_EOF:
                self._positions[place] = offset
            elif not error.retriable():
                raise KafkaException(error)
        return records

    def _candles(self, decoder: Decoder, messages: list[Message]) -> Iterator[dict[str, Any]]:
        """The candles in these messages. What is none is told and counted, and stays where it is."""
        for message in messages:
            try:
                candle = decoder.decode(message.value() or b"")
                require_storable(candle)
                yield candle
            except (CodecError, UnstorableError) as error:
                REJECTED.labels(self.name).inc()
                warn_of(LOG, message.topic(), message.partition(), message.offset(), error)

    def _write(self, store: Store, candles: list[dict[str, Any]]) -> Store:
        store = self._tried(store, lambda each: each.write(candles))
        WRITTEN.labels(self.name).inc(len(candles))
        return store

    def _trace(self, candles: list[dict[str, Any]], began_ns: int) -> None:
        if self.traces is None:
            return
        for candle in candles:
            if of := self.traces.of(candle["symbol"], candle["window_end"] - 1):
                topic = topics.candles(candle["resolution"])
                self.traces.span(f"write to {self.name}", of, topic, began_ns, **{each: candle[each] for each in TOLD})

    def _tried(self, store: Store, work: Callable[[Store], object]) -> Store:
        """Have a store do something, connected anew when it fails; returns the connection that worked."""
        for attempt in self._attempts():
            with attempt:
                if attempt.retry_state.attempt_number > 1:
                    store.close()
                    store = self.connect()
                work(store)
        return store

    def _connected(self) -> Store:
        for attempt in self._attempts():
            with attempt:
                store = self.connect()
                store.prepare()
        return store

    def _attempts(self) -> Retrying:
        def count(state: RetryCallState) -> None:
            RETRIES.labels(self.name).inc()
            LOG.warning("%s; tried again", state.outcome and state.outcome.exception())

        return Retrying(
            retry=retry_if_exception_type(StoreError),
            wait=wait_exponential_jitter(initial=0.2, max=10),
            stop=stop_after_delay(STORE_PATIENCE_S),
            before_sleep=count,
            reraise=True,
        )

    def _forget(self, store: Store) -> Store:
        """Now and then drop what is older than the retention."""
        if self.retention and time.monotonic() - self._forgot_s >= FORGET_EVERY_S:
            since = datetime.now(UTC) - self.retention
            store = self._tried(store, lambda each: each.retain(since))
            self._forgot_s = time.monotonic()
        return store

    def _measure(self, consumer: Consumer, messages: list[Message]) -> None:
        lag = lag_of(consumer, self._positions)
        if lag is None:
            return
        LAG.labels(self.name).set(lag)
        oldest_ms = min((message.timestamp()[1] for message in messages), default=0) if lag else 0
        BEHIND.labels(self.name).set(max(time.time() - oldest_ms / 1000, 0) if oldest_ms else 0)


def lag_of(consumer: Consumer, positions: Mapping[Place, int]) -> int | None:
    """How many records of its partitions a consumer has not read; None until the broker has told the end of each."""
    lag = 0
    for each in consumer.assignment():
        _, stable = consumer.get_watermark_offsets(each, cached=True)
        if stable < 0:
            return None
        lag += max(stable - positions.get((each.topic, each.partition), 0), 0)
    return lag


def rebuild(reader: CommittedReader, store: Store, tell: Callable[[int], None]) -> int:
    """Fill an emptied store with everything committed until now; a projection may run meanwhile.

    `tell` hears how many candles were written so far, which is what is returned.
    """
    store.prepare()
    store.clear()
    written, batch = 0, list[dict[str, Any]]()
    for found in reader.read_to_end(REBUILD_TIMEOUT_S):
        try:
            require_storable(found.record)
        except UnstorableError as error:
            warn_of(LOG, found.topic, found.partition, found.offset, error)
            continue
        batch.append(found.record)
        if len(batch) == BATCH:
            store.write(batch)
            written, batch = written + len(batch), []
            tell(written)
    store.write(batch)
    return written + len(batch)


_GROUP = {**READER, "client.id": "tickloom-projection", "auto.offset.reset": "earliest"}
