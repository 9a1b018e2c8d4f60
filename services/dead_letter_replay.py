"""Sends rejected records again, mended or because the rules have changed: each once, with a trace to its origin.

The trade and a line in the ledger (md.trades.replayed.v1) are one transaction. The transactional id is always the same:
a replay that starts ends the transaction of any other, and only then reads the ledger.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from confluent_kafka import KafkaException, Producer

from schemas import avro
from schemas.codec import Encoder
from schemas.models import RejectedTrade, ReplayedTrade, Trade
from schemas.registered import Registry
from schemas.topics import REPLAYED
from services.dead_letters import REJECT, DeadLetters, LetterReader, Origin, UnreadableError, Wanted, origin_of

TIMEOUT_S = 30
TRANSACTION_TIMEOUT_MS = 60_000
LETTERS_PER_TRANSACTION = 1_000
REASONS_KEPT = 100
HEADER = "tickloom.origin."
PRODUCER = {
    "client.id": "tickloom-dlq",
    "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
    "partitioner": "murmur2_random",
    "queue.buffering.max.kbytes": 65_536,
}

Judge = Callable[[Trade, int | None], str | None]
"""Why a trade with this Kafka timestamp (ns) would be rejected; None when it would not."""


class DeadLetterReplayError(ValueError):
    """The broker did not take a transaction; what was committed before is sent, and in the ledger."""


@dataclass
class Summary:
    """What a replay did. `reasons` keeps the first hundred of those that still fail."""

    replayed: int = 0
    before: int = 0
    """Sent again by an earlier replay."""
    failing: int = 0
    reasons: list[tuple[Origin, str]] = field(default_factory=list)
    interrupted: bool = False


@dataclass(frozen=True)
class Letter:
    """A dead letter that may be sent, and the trade it has become."""

    rejected: RejectedTrade
    trade: Trade


class DeadLetterReplay:
    """One replay of a topic's dead letters. `changes` are the fields to mend, as services.dead_letters reads them."""

    def __init__(self, letters: DeadLetters, judge: Judge, changes: Mapping[str, Any], transactional_id: str) -> None:
        self.letters = letters
        self.judge = judge
        self.changes = changes
        self.transactional_id = transactional_id
        self.summary = Summary()
        self._reader = LetterReader(letters.registry)

    def dry_run(self, wanted: Wanted) -> Summary:
        """Count what `run` would send, without sending it."""
        for _ in self.sendable(wanted):
            self.summary.replayed += 1
        return self.summary

    def run(self, wanted: Wanted, on_progress: Callable[[Summary], None] = lambda summary: None) -> Summary:
        """Send every wanted record that is acceptable now and was not sent before; the others are left.

        Raises DeadLetterReplayError when the broker refuses, CommittedReadError or RegistryError when something is not
        there.
        """
        sender = Sender(self.letters, self.transactional_id, _text(self.changes))  # before the ledger is read
        sendable = self.sendable(wanted)
        while batch := list(islice(sendable, LETTERS_PER_TRANSACTION)):
            sender.send(sorted(batch, key=lambda letter: origin_of(letter.rejected)))
            self.summary.replayed += len(batch)
            on_progress(self.summary)
        return self.summary

    def stop(self) -> None:
        """End a run early, from a signal handler: what was read so far is still sent."""
        self.summary.interrupted = True

    def sendable(self, wanted: Wanted) -> Iterator[Letter]:
        """Those that may be sent now; the others are counted in the summary."""
        done = set(self.letters.replayed())
        for rejected in self.letters.read(wanted):
            if self.summary.interrupted:
                return
            origin = origin_of(rejected)
            if rejected.severity != REJECT:
                continue  # a flagged trade counts already
            if origin in done:
                self.summary.before += 1
                continue
            done.add(origin)
            letter = self._acceptable(rejected)
            if letter is not None:
                yield letter

    def _acceptable(self, rejected: RejectedTrade) -> Letter | None:
        try:
            trade = self._reader.trade(rejected, self.changes)
            reason = self.judge(trade, rejected.ts_kafka)
        except UnreadableError as error:
            reason = str(error)
        if reason is None:
            return Letter(rejected, trade)
        self.summary.failing += 1
        if len(self.summary.reasons) < REASONS_KEPT:
            self.summary.reasons.append((origin_of(rejected), reason))
        return None


class Sender:
    """Writes trades and their lines in the ledger, a batch a transaction. Making one fences every other."""

    def __init__(self, letters: DeadLetters, transactional_id: str, changes: str | None) -> None:
        registry = Registry(letters.registry)
        self._topic = letters.trades_topic
        self._changes = changes
        self._trades = Encoder(registry.schema_id(self._topic, avro.load("trade")), "trade")
        self._ledger = Encoder(registry.schema_id(REPLAYED, avro.load("replayed_trade")), "replayed_trade")
        self._producer = Producer({**PRODUCER, "transactional.id": transactional_id, **letters.kafka})
        self._brokers = letters.kafka["bootstrap.servers"]
        with_broker(self._brokers, lambda: self._producer.init_transactions(TIMEOUT_S))

    def send(self, batch: Sequence[Letter]) -> None:
        """All of the batch or none of it. Raises DeadLetterReplayError."""
        with_broker(self._brokers, lambda: self._send(batch))

    def _send(self, batch: Iterable[Letter]) -> None:
        self._producer.begin_transaction()
        try:
            for letter in batch:
                self._produce(letter)
            self._producer.commit_transaction(TIMEOUT_S)
        except BaseException:
            with suppress(KafkaException):  # when this one was fenced, the other has ended it
                self._producer.abort_transaction(TIMEOUT_S)
            raise

    def _produce(self, letter: Letter) -> None:
        origin, trade = letter.rejected, letter.trade
        line = ReplayedTrade(
            topic=origin.topic,
            partition=origin.partition,
            offset=origin.offset,
            rule=origin.rule,
            changes=self._changes,
            ts_replayed=time.time_ns(),
        )
        self._produce_one(
            self._topic,
            self._trades.encode(trade.to_avro()),
            trade.symbol.encode(),
            (origin.ts_kafka or 0) // 1_000_000,
            {f"{HEADER}{name}": str(getattr(origin, name)) for name in ("topic", "partition", "offset", "rule")},
        )
        self._produce_one(REPLAYED, self._ledger.encode(line.to_avro()), str(origin_of(origin)).encode(), 0, {})

    def _produce_one(self, topic: str, value: bytes, key: bytes, timestamp_ms: int, headers: dict[str, str]) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, timestamp=timestamp_ms, headers=headers)
            except BufferError:  # the queue is full: let the broker catch up
                self._producer.poll(0.1)
            else:
                return


def with_broker(brokers: str, action: Callable[[], object]) -> None:
    """Do it. Raises DeadLetterReplayError in one line when the broker refuses."""
    try:
        action()
    except KafkaException as error:
        raise DeadLetterReplayError(
            f"{brokers}: {error.args[0].str()}; `replay` again sends what was not sent"
        ) from error


def _text(changes: Mapping[str, Any]) -> str | None:
    return ", ".join(f"{name}={value}" for name, value in changes.items()) or None
