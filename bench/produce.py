"""Sends a tape to Kafka, a process a partition, and computes its candles on the way."""

import signal
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from confluent_kafka import KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from bench.encoder import TradeEncoder
from bench.reference import Candles
from bench.tape import PARTITIONS, PartitionTape, Tape, symbol_names

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
    context = get_context("spawn")
    with ProcessPoolExecutor(PARTITIONS, context, signal.signal, (signal.SIGINT, signal.SIG_DFL)) as pool:
        senders = [pool.submit(_send, target, partition, tape) for partition in range(PARTITIONS)]
        _follow(target, senders, progress)
        candles = Candles.empty(tape.symbols, tape.seconds)
        for sender in senders:
            candles.take(sender.result())
    arrived = sum(end_offsets(target.brokers, target.topic).values())
    if arrived != tape.trades:
        found = f"{target.topic} holds {arrived} of {tape.trades} trades"
        raise ProduceError(f"{found}: is the disk full, or the broker gone?")
    return candles


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


def _follow(target: Target, senders: list[Future[Candles]], progress: Callable[[int], None]) -> None:
    while not all(sender.done() for sender in senders):
        progress(sum(end_offsets(target.brokers, target.topic).values()))
        time.sleep(POLL_S)


def _send(target: Target, partition: int, tape: Tape) -> Candles:
    encoder = TradeEncoder(target.schema_id, partition, tape.symbols, tape.id_digits)
    keys = [name.encode() for name in symbol_names(tape.symbols)]
    candles = Candles.empty(tape.symbols, tape.seconds)
    producer = Producer(options(target.brokers))
    for chunk in PartitionTape(partition, tape).chunks():
        candles.add(chunk)
        pairs = zip(chunk.symbol.tolist(), encoder.encode(chunk), strict=True)
        messages = [{"key": keys[symbol], "value": message} for symbol, message in pairs]
        while len(producer) > QUEUED_MAX:
            producer.poll(0.01)
        producer.produce_batch(target.topic, messages, partition)
    producer.flush(FLUSH_TIMEOUT_S)
    return candles


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
