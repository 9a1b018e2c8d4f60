"""Sends a tape to Kafka, a process a partition, and computes its candles on the way."""

import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any, TypeVar

from confluent_kafka import KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from bench.encoder import TradeEncoder
from bench.reference import Candles
from bench.tape import PARTITIONS, PartitionTape, Tape, symbol_names

T = TypeVar("T")
Message = dict[str, bytes]
"""Key and value."""
QUEUED_MAX = 400_000
FLUSH_TIMEOUT_S = 60
TIMEOUT_S = 10
POLL_S = 0.3


class ProduceError(ValueError):
    """The broker did not take the whole tape."""


@dataclass(frozen=True)
class Target:
    """Where the tape goes."""

    brokers: str
    topic: str
    schema_id: int


def produce(target: Target, tape: Tape, progress: Callable[[int], None]) -> Candles:
    """Send the tape and return its exact candles; `progress` is told how many trades the broker has.

    The topic is empty and has PARTITIONS partitions. Raises ProduceError when the broker did not take every trade.
    """
    candles = Candles.empty(tape.symbols, tape.seconds)
    for part in by_partition(_send, target, tape, tape.trades, progress):
        candles.take(part)
    return candles


def by_partition(
    send: Callable[[Target, int, Any], T], target: Target, tape: object, count: int, progress: Callable[[int], None]
) -> list[T]:
    """What `send` returns of each partition of a tape of so many records, in a process of its own.

    Raises ProduceError when the broker did not take them all.
    """
    context = get_context("spawn")
    with ProcessPoolExecutor(PARTITIONS, context, signal.signal, (signal.SIGINT, signal.SIG_DFL)) as pool:
        senders = [pool.submit(send, target, partition, tape) for partition in range(PARTITIONS)]
        _follow(target, senders, progress)
        found = [sender.result() for sender in senders]
    arrived = sum(end_offsets(target.brokers, target.topic).values())
    if arrived != count:
        raise ProduceError(f"{target.topic} holds {arrived} of {count}: is the disk full, or the broker gone?")
    return found


@retry(
    retry=retry_if_exception_type(KafkaException),
    stop=stop_after_delay(TIMEOUT_S),
    wait=wait_fixed(0.2),
    reraise=True,
)
def end_offsets(brokers: str, topic: str) -> dict[int, int]:
    """The end offset of every partition, open transactions included; a new topic may need a moment to have any."""
    admin = AdminClient({"bootstrap.servers": brokers, "log_level": 0})
    places = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
    futures = admin.list_offsets({place: OffsetSpec.latest() for place in places}, request_timeout=TIMEOUT_S)
    return {place.partition: future.result().offset for place, future in futures.items()}


def _follow(target: Target, senders: Sequence[Future[Any]], progress: Callable[[int], None]) -> None:
    while not all(sender.done() for sender in senders):
        progress(sum(end_offsets(target.brokers, target.topic).values()))
        time.sleep(POLL_S)


def _send(target: Target, partition: int, tape: Tape) -> Candles:
    encoder = TradeEncoder(target.schema_id, partition, tape.symbols, tape.id_digits)
    keys = [name.encode() for name in symbol_names(tape.symbols)]
    candles = Candles.empty(tape.symbols, tape.seconds)

    def batches() -> Iterator[list[Message]]:
        for chunk in PartitionTape(partition, tape).chunks():
            candles.add(chunk)
            pairs = zip(chunk.symbol.tolist(), encoder.encode(chunk), strict=True)
            yield [{"key": keys[symbol], "value": message} for symbol, message in pairs]

    send_all(target, partition, batches())
    return candles


def send_all(target: Target, partition: int, batches: Iterable[list[Message]]) -> None:
    """Send messages to a partition, as fast as the broker takes them."""
    producer = Producer(options(target.brokers))
    for batch in batches:
        while len(producer) > QUEUED_MAX:
            producer.poll(0.01)
        producer.produce_batch(target.topic, batch, partition)
    producer.flush(FLUSH_TIMEOUT_S)


def options(brokers: str) -> dict[str, str | int | bool]:
    """Of a producer that is quick and loses nothing."""
    return {
        "bootstrap.servers": brokers,
        "enable.idempotence": True,
        "compression.type": "lz4",
        "linger.ms": 50,
        "batch.size": 1 << 20,
        "queue.buffering.max.messages": 2 * QUEUED_MAX,
        "queue.buffering.max.kbytes": 1 << 20,
        "log_level": 0,
    }
