"""The candles a job committed, when the broker got each, and how they compare with the exact ones."""

import io
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import fastavro
import numpy as np
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from bench.produce import end_offsets
from bench.reference import Candles
from bench.tape import SECOND_NS, START_S, UNIT, Longs, Tape, symbol_names
from schemas.codec import HEADER, schema_id
from schemas.registered import Registry

TIMEOUT_S = 30
VALUES = ("open", "high", "low", "close", "volume", "trades")
ORDERLESS = ("high", "low", "volume", "trades")
"""What does not depend on the order of trades."""


class OutputError(ValueError):
    """The output cannot be read to its end."""


@dataclass(frozen=True)
class Output:
    """1s candles in the order they were read: window number as in Candles, unscaled values, append time in ms."""

    window: Longs
    values: dict[str, Longs]
    appended_ms: Longs

    def through(self, second: int, seconds: int) -> "Output":
        """The candles of the seconds up to one."""
        kept = self.window % seconds <= second
        values = {name: each[kept] for name, each in self.values.items()}
        return Output(self.window[kept], values, self.appended_ms[kept])


@dataclass(frozen=True)
class Verdict:
    """How an output compares with the exact candles: windows missing, written twice or unexpected, and wrong values.

    `lost` is the share of the trades that is in no candle, less than 0 when some are in several.
    """

    windows: int
    trades: int
    lost: float
    missing: int
    repeated: int
    unexpected: int
    wrong: dict[str, int]

    def holds(self, *names: str) -> bool:
        """Whether every window is there once with the right values of these names."""
        return not (self.missing or self.repeated or self.unexpected or any(self.wrong[name] for name in names))


def compare(output: Output, exact: Candles, through: int | None = None) -> Verdict:
    """Every window of the tape must be there once; `through`: the last second that must be closed."""
    if through is not None:
        output = output.through(through, exact.seconds)
    copies = np.bincount(output.window, minlength=len(exact.trades))
    expected = exact.trades > 0
    if through is not None:
        expected &= np.arange(len(expected)) % exact.seconds <= through
    known = expected[output.window]
    return Verdict(
        windows=len(output.window),
        trades=int(output.values["trades"].sum()),
        lost=1 - float(output.values["trades"].sum() / exact.trades[expected].sum()),
        missing=int(np.count_nonzero(expected & (copies == 0))),
        repeated=int(np.count_nonzero(copies > 1)),
        unexpected=int(np.count_nonzero(~known)),
        wrong={
            name: int(np.count_nonzero(output.values[name][known] != getattr(exact, name)[output.window[known]]))
            for name in VALUES
        },
    )


def read_candles(brokers: str, registry: str, topic: str, since: dict[int, int], tape: Tape) -> Output:
    """The committed 1s candles of a topic, from the given offsets on; Decimal values become unscaled integers."""
    numbers = {name: number for number, name in enumerate(symbol_names(tape.symbols))}
    rows = []
    for appended_ms, record in committed(brokers, registry, topic, since):
        window = numbers[record["symbol"]] * tape.seconds + _second(record["window_start"]) - START_S
        values = (_unscaled(record[name]) for name in VALUES[:-1])
        rows.append((appended_ms, window, *values, record["trade_count"]))
    columns = np.array(rows, dtype=np.int64).reshape(-1, 2 + len(VALUES)).T
    return Output(columns[1], dict(zip(VALUES, columns[2:], strict=True)), columns[0])


def committed(brokers: str, registry: str, topic: str, since: dict[int, int]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Append time (ms) and record of everything committed in a topic from the given offsets on."""
    lookup, schemas = Registry({"url": registry}), dict[int, Any]()
    for message in _messages(brokers, topic, since):
        value = message.value()
        assert value is not None
        identity = schema_id(value)
        if identity not in schemas:
            schemas[identity] = fastavro.parse_schema(lookup.schema(identity))
        record = fastavro.schemaless_reader(io.BytesIO(value[HEADER.size :]), schemas[identity], None)
        yield message.timestamp()[1], record


def _messages(brokers: str, topic: str, since: dict[int, int]) -> Iterator[Message]:
    """Up to the ends as they are now; the broker moves the last stable offsets there shortly after the last commit."""
    ends = end_offsets(brokers, topic)
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": "tickloom-bench",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "log_level": 0,
        }
    )
    consumer.assign([TopicPartition(topic, partition, offset) for partition, offset in since.items()])
    deadline, at_end = time.monotonic() + TIMEOUT_S, set[int]()
    while len(at_end) < len(since):
        if time.monotonic() > deadline:
            raise OutputError(f"{topic}: not all of it is committed, and nothing came for {TIMEOUT_S} s")
        for message in consumer.consume(5_000, 0.2):
            if message.error() is None:
                deadline = time.monotonic() + TIMEOUT_S
                yield message
            elif message.error().code() != KafkaError._PARTITION_EOF:
                raise KafkaException(message.error())
            elif message.offset() >= ends[message.partition()]:
                at_end.add(message.partition())
    consumer.close()


def _second(window_start: int | datetime) -> int:
    return window_start // SECOND_NS if isinstance(window_start, int) else int(window_start.timestamp())


def _unscaled(value: Decimal | None) -> int:
    return -1 if value is None else int(value * UNIT)
