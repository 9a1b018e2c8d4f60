"""Open transactions beside the partitions they write: what each hides from readers of committed records."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from deploy.txn.admin import Described, Log, Place, TransactionAdmin

ONGOING = "Ongoing"
"""The only state in which a transaction waits for a decision; in those that follow Kafka carries it out by itself."""
HANGING = "Hanging"
"""Our word: a partition holds records of a transaction that no coordinator knows, so nothing will ever end it."""


class Sink(NamedTuple):
    """Whose transaction it is: the parts of `<prefix>/<job>/<topic>/…`."""

    prefix: str
    job: str
    topic: str


@dataclass(frozen=True)
class Written:
    """What a transaction has in a partition: `first_offset` is None where it has no record, or no longer."""

    place: Place
    first_offset: int | None
    stable: int
    end: int

    @property
    def holds(self) -> bool:
        """Whether this is what keeps the last stable offset from the end."""
        return self.first_offset is not None and self.first_offset <= self.stable < self.end

    @property
    def hidden(self) -> int:
        """How many offsets readers of committed records do not get because of it, markers of transactions included."""
        return self.end - self.stable if self.holds else 0


@dataclass(frozen=True)
class Transaction:
    """A transaction; a hanging one has no id. `started` is set while it is open."""

    id: str | None
    state: str
    producer_id: int
    epoch: int
    started: datetime | None
    timeout: timedelta | None
    written: tuple[Written, ...]

    @property
    def sink(self) -> Sink | None:
        """The sink of the job that it belongs to; None when the id is not of ours."""
        return sink_of(self.id) if self.id else None

    @property
    def holds(self) -> bool:
        """Whether it holds back a last stable offset."""
        return any(each.holds for each in self.written)

    @property
    def hidden(self) -> int:
        """How many offsets it hides, in all its partitions."""
        return sum(each.hidden for each in self.written)

    def age(self, now: datetime) -> timedelta | None:
        """How long it has been open: as long as nothing that came after it could be read."""
        return max(now - self.started, timedelta(0)) if self.started else None

    @property
    def expires(self) -> datetime | None:
        """When Kafka aborts it by itself, a little later."""
        return self.started + self.timeout if self.started and self.timeout and self.state == ONGOING else None


def sink_of(transaction_id: str) -> Sink | None:
    """Prefix, job and topic of a transactional id as our jobs make them, None for any other."""
    parts = transaction_id.split("/")
    return Sink(*parts[:3]) if len(parts) == 4 and all(parts[:3]) else None


def open_transactions(admin: TransactionAdmin) -> list[Transaction]:
    """Every open transaction: first those that hold back a last stable offset, the oldest before the others."""
    before = admin.partitions()
    known = admin.open()
    return assembled(before, known, admin.partitions(places(known)))


def assembled(before: Mapping[Place, Log], known: Sequence[Described], after: Mapping[Place, Log]) -> list[Transaction]:
    """Open transactions from what coordinators know, and from the partitions before and after they were asked."""
    found = [*(_joined(each, after) for each in known), *_hanging(before, known, after)]
    return sorted(found, key=lambda each: (not each.holds, each.started or datetime.min.replace(tzinfo=UTC)))


def find(admin: TransactionAdmin, ids: Iterable[str]) -> dict[str, Transaction]:
    """The transactions of these ids, open or not; unknown ones are left out."""
    known = admin.describe(ids)
    logs = admin.partitions(places(known))
    return {each.id: _joined(each, logs) for each in known}


def places(transactions: Iterable[Described]) -> set[Place]:
    """The partitions of transactions."""
    return {place for each in transactions for place in each.partitions}


def _hanging(before: Mapping[Place, Log], known: Sequence[Described], after: Mapping[Place, Log]) -> list[Transaction]:
    # One that is there before and after, though no coordinator knew it in between, has not just begun or ended.
    producers = {each.producer_id for each in known}
    found: dict[tuple[int, int], list[Written]] = {}
    for place, log in after.items():
        lasting = set(log.writers) & set(before[place].writers) if place in before else set()
        for writer in lasting:
            if writer.producer_id not in producers:
                written = Written(place, writer.first_offset, log.stable, log.end)
                found.setdefault((writer.producer_id, writer.epoch), []).append(written)
    return [
        Transaction(None, HANGING, producer_id, epoch, None, None, tuple(written))
        for (producer_id, epoch), written in found.items()
    ]


def _joined(known: Described, logs: Mapping[Place, Log]) -> Transaction:
    written = tuple(_written(known.producer_id, logs[place]) for place in sorted(known.partitions) if place in logs)
    started = datetime.fromtimestamp(known.started_ms / 1000, UTC) if known.started_ms is not None else None
    timeout = timedelta(milliseconds=known.timeout_ms)
    return Transaction(known.id, known.state, known.producer_id, known.epoch, started, timeout, written)


def _written(producer_id: int, log: Log) -> Written:
    first = next((each.first_offset for each in log.writers if each.producer_id == producer_id), None)
    return Written(log.place, first, log.stable, log.end)
