"""A live feed of the benchmark's tape: at a steady rate, its trades stamped with the present."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
from confluent_kafka import Producer

from bench.cluster import create_topics
from bench.encoder import TradeEncoder
from bench.produce import Target, options
from bench.tape import PARTITIONS, PartitionTape, Tape, Trades, symbol_names
from deploy import jobs
from deploy.stack import Stack
from jobs import access
from jobs.settings import Settings
from schemas import registry
from schemas.topics import subject

STEP_S = 0.02
TRADES = 1_000_000_000
DISORDER_NS = 500_000_000


def started(stack: Stack, changed: Mapping[str, str]) -> tuple[Settings, Target]:
    """The candle job runs on the stack, with these settings; where its trades go."""
    own = {"brokers": stack.bootstrap_servers, "registry": stack.registry_url}
    settings = Settings.load({**own, "partitions": PARTITIONS, "parallelism": PARTITIONS, **changed})
    ids = registry.register(settings.registry_client(), settings.resolutions)
    create_topics(settings.brokers, access.of("candles", settings).topics)
    jobs.await_running(jobs.submit("candles", settings, stack.flink_address), stack.flink_address)
    return settings, Target(settings.brokers, settings.trades_topic, ids[subject(settings.trades_topic)])


@contextmanager
def feeding(target: Target, rate_hz: int, symbols: int) -> Iterator[None]:
    """So many trades a second over all partitions, a process each, meanwhile."""
    context = get_context("spawn")
    arguments = [(target, partition, rate_hz // PARTITIONS, symbols) for partition in range(PARTITIONS)]
    senders = [context.Process(target=_send, args=each, daemon=True) for each in arguments]
    for sender in senders:
        sender.start()
    try:
        yield
    finally:
        for sender in senders:
            sender.terminate()
            sender.join(10)


def _send(target: Target, partition: int, rate_hz: int, symbols: int) -> None:
    encoder = TradeEncoder(target.schema_id, partition, symbols)
    keys = [name.encode() for name in symbol_names(symbols)]
    producer = Producer({**options(target.brokers), "linger.ms": 5})
    random = np.random.default_rng(partition)
    began, sent = time.monotonic(), 0
    for step in _steps(PartitionTape(partition, Tape(TRADES, symbols)), int(rate_hz * STEP_S)):
        time.sleep(max(0.0, began + sent / rate_hz - time.monotonic()))
        now = time.time_ns()
        stamped = replace(
            step, ts_event=now - random.integers(0, DISORDER_NS, len(step)), ts_recv=step.ts_recv * 0 + now
        )
        pairs = zip(stamped.symbol.tolist(), encoder.encode(stamped), strict=True)
        producer.produce_batch(target.topic, [{"key": keys[each], "value": value} for each, value in pairs], partition)
        producer.poll(0)
        sent += len(step)


def _steps(tape: PartitionTape, length: int) -> Iterator[Trades]:
    for chunk in tape.chunks():
        for first in range(0, len(chunk), length):
            yield Trades(**{name: column[first : first + length] for name, column in vars(chunk).items()})
