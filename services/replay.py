"""Replays trades files into a Kafka topic: original timing times a factor, or as fast as possible."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from tenacity import retry, retry_if_exception, stop_after_delay, wait_exponential_jitter

from schemas import avro, broker
from schemas.codec import Encoder
from schemas.registered import Registry
from schemas.topics import TRADES
from services.pacing import Pace, SendLog
from services.traces import Sent, Traces
from services.trades_file import BadRow, Row, TradesFile
from udfs.partitioner import partition_of

TIMEOUT_S = 10
DELIVERY_TIMEOUT_S = 60
REASONS_KEPT = 100
PRODUCER = {
    "client.id": "tickloom-replay",
    "enable.idempotence": True,
    "partitioner": "murmur2_random",
    "compression.type": "lz4",
    "linger.ms": 10,
    "queue.buffering.max.messages": 100_000,
    "queue.buffering.max.kbytes": 65_536,
    "message.timeout.ms": DELIVERY_TIMEOUT_S * 1_000,
}

SILENT = logging.getLogger(f"{__name__}.librdkafka")
"""What it says is raised as well; without a logger it prints fatal errors itself, whatever its log level."""
SILENT.addHandler(logging.NullHandler())
SILENT.propagate = False


class ReplayError(ValueError):
    """The replay cannot start, or the broker did not take every trade."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where and how fast: `speed` times the original timing, None as fast as possible.

    `kafka` and `registry` are properties of their clients.
    """

    kafka: Mapping[str, str] = field(repr=False)
    registry: Mapping[str, str] = field(repr=False)
    topic: str = TRADES
    speed: float | None = None
    limit: int | None = None
    """Replay no more rows than this, bad ones among them."""

    @property
    def brokers(self) -> str:
        """Kafka bootstrap servers."""
        return self.kafka["bootstrap.servers"]


@dataclass
class Summary:
    """What a replay did. `bad_rows` keeps the first hundred, each as file:line: reason."""

    sent: int = 0
    delivered: int = 0
    skipped: int = 0
    bad_rows: list[str] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False


class Replay:
    """One replay of some files, in their order. Trades are keyed by symbol and partitioned by murmur2."""

    def __init__(self, files: Sequence[TradesFile], target: Target, traces: Traces | None = None) -> None:
        self.files = files
        self.target = target
        self._sent = Sent(traces, target.topic)
        self.log = SendLog()
        self.summary = Summary()
        self._pace = Pace(target.speed)
        self._failures: Counter[str] = Counter()

    def check(self) -> None:
        """Raises TradesFileError when a file's columns do not make a trade."""
        for file in self.files:
            file.check()

    def row_count(self) -> int:
        """How many rows there are to replay; an upper bound."""
        rows = sum(file.row_count() for file in self.files)
        return rows if self.target.limit is None else min(rows, self.target.limit)

    def end_offsets(self) -> dict[int, int]:
        """The end offset of every partition once the replay is done, if nobody else writes to the topic.

        Reads the files once; call it before `run`. Raises ReplayError when broker or topic is not there.
        """
        admin = AdminClient(self.target.kafka)
        partitions = _partitions(admin, self.target)
        symbols = Counter(row.trade["symbol"] for _, row in self._rows() if isinstance(row, Row))
        coming: Counter[int] = Counter()
        for symbol, rows in symbols.items():
            coming[partition_of(symbol, partitions)] += rows
        ends = _ends(admin, self.target.topic, partitions)
        return {partition: end + coming[partition] for partition, end in ends.items()}

    def run(self, on_progress: Callable[[int], None] = lambda rows: None) -> Summary:
        """Send everything; `on_progress` is told now and then how many rows are done.

        Raises ReplayError when the broker is not there or did not take a trade, RegistryError likewise.
        """
        schema_id = Registry(self.target.registry).schema_id(self.target.topic, avro.load("trade"))
        encoder = Encoder(schema_id, "trade")
        producer = Producer({**PRODUCER, **self.target.kafka}, logger=SILENT)
        _partitions(producer, self.target)
        started = time.monotonic()
        self._send_all(producer, encoder, on_progress)
        self._flush(producer)
        self._sent.end()
        self.summary.seconds = time.monotonic() - started
        return self.summary

    def stop(self) -> None:
        """End a run early, from a signal handler or another thread: what was sent is still delivered.

        An exception instead, such as KeyboardInterrupt, could strike within a delivery callback and be lost.
        """
        self.summary.interrupted = True

    def _send_all(self, producer: Producer, encoder: Encoder, on_progress: Callable[[int], None]) -> None:
        rows = 0
        for rows, (path, row) in enumerate(self._rows(), start=1):
            if isinstance(row, BadRow):
                self._skip(path, row)
                continue
            ts_event = row.trade["ts_event"]
            self._wait(producer, ts_event)
            if self.summary.interrupted:
                break
            if self.log.note(ts_event, time.time_ns()):
                self._serve(producer, 0)
                on_progress(rows - 1)
            self._produce(producer, row.trade["symbol"], encoder.encode(row.trade), ts_event)
        on_progress(rows)

    def _rows(self) -> Iterator[tuple[Path, Row | BadRow]]:
        rows = ((file.path, row) for file in self.files for row in file.rows())
        return islice(rows, self.target.limit)

    def _skip(self, path: Path, row: BadRow) -> None:
        self.summary.skipped += 1
        if len(self.summary.bad_rows) < REASONS_KEPT:
            self.summary.bad_rows.append(f"{path}:{row.line}: {row.reason}")

    def _wait(self, producer: Producer, ts_event: int) -> None:
        while not self.summary.interrupted and (seconds := self._pace.seconds_until(ts_event)) > 0:
            self._serve(producer, min(seconds, 0.1))

    def _produce(self, producer: Producer, symbol: str, value: bytes, ts_event: int) -> None:
        headers = self._sent.header(symbol, ts_event)
        while True:
            try:
                producer.produce(
                    self.target.topic,
                    value,
                    symbol.encode(),
                    timestamp=ts_event // 1_000_000,
                    on_delivery=self._delivered,
                    headers=headers,
                )
            except BufferError:  # the queue is full: let the broker catch up
                self._serve(producer, 0.1)
            except KafkaException as error:
                raise self._not_delivered(error.args[0].str()) from error
            else:
                self.summary.sent += 1
                return

    def _serve(self, producer: Producer, seconds: float) -> None:
        producer.poll(seconds)
        if self._failures:
            raise self._not_delivered(self._failures.most_common(1)[0][0])

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self.summary.delivered += 1
        else:
            self._failures[error.str()] += 1

    def _flush(self, producer: Producer) -> None:
        producer.flush(DELIVERY_TIMEOUT_S + TIMEOUT_S)
        self._serve(producer, 0)

    def _not_delivered(self, reason: str) -> ReplayError:
        sent, delivered = self.summary.sent, self.summary.delivered
        return ReplayError(
            f"{self.target.brokers}: {self.target.topic} took {delivered:,} of {sent:,} trades: {reason}"
        )


def _partitions(client: Producer | AdminClient, target: Target) -> int:
    try:
        topic = client.list_topics(target.topic, timeout=TIMEOUT_S).topics[target.topic]
    except KafkaException as error:
        cause = broker.reason(target.kafka, error)
        raise ReplayError(f"no broker answers at {target.brokers}: {cause}") from error
    if topic.error is not None:
        unknown = topic.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART
        remedy = "the candle job creates it" if unknown else "`tickloom acl` grants what a producer needs"
        raise ReplayError(f"{target.brokers}: topic {target.topic}: {topic.error.str()}; {remedy}")
    return len(topic.partitions)


@retry(
    retry=retry_if_exception(lambda error: isinstance(error, KafkaException) and error.args[0].retriable()),
    wait=wait_exponential_jitter(0.1, 2),
    stop=stop_after_delay(TIMEOUT_S),
    reraise=True,
)
def _ends(admin: AdminClient, topic: str, partitions: int) -> dict[int, int]:
    asked = {TopicPartition(topic, partition): OffsetSpec.latest() for partition in range(partitions)}
    answers = admin.list_offsets(asked, request_timeout=TIMEOUT_S)
    return {asked_of.partition: answer.result().offset for asked_of, answer in answers.items()}
