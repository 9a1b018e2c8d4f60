"""A topic of one partition with transactions, as a Kafka broker keeps it, and its readers.

A transaction ends in two moves: the broker decides (`commit`, `abort`), then writes the end marker (`mark`). A reader
of committed data stops at the first record of a transaction without a marker: that is the last stable offset.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from tests.faults.model.network import BROKER, Network

OPEN: Final = 0
COMMITTING: Final = 1
ABORTING: Final = 2
COMMITTED: Final = 3
ABORTED: Final = 4
STATES = ("open", "committing", "aborting", "committed", "aborted")

TransactionalId = tuple[int, int]
"""(subtask of the sink, number in its pool)."""
Key = tuple[int | str, int]
"""(symbol, start of the window), or (why it is in no candle, its origin)."""


class ViolationError(Exception):
    """An invariant that does not hold: its name, a colon, and what breaks it."""


class FencedError(Exception):
    """The producer has lost its transaction, and its task fails."""


class Row(NamedTuple):
    """What a sink writes. Every trade's size is a power of two of its own, so a volume says which trades it sums up."""

    key: Key
    revision: int
    volume: int
    records: int
    """How many records it accounts for; a revision for none, since the late row of its record does."""


class Transaction:
    """One use of a transactional id, told from its other uses by the epoch."""

    __slots__ = ("epoch", "id", "rows", "state")

    def __init__(self, id: TransactionalId, epoch: int) -> None:
        self.id, self.epoch, self.state, self.rows = id, epoch, OPEN, 0

    def __repr__(self) -> str:
        return f"transaction {self.id[0]}-{self.id[1]} epoch {self.epoch} ({STATES[self.state]}, {self.rows} rows)"


class Request(NamedTuple):
    """To commit a transaction, and to answer."""

    transaction: Transaction
    answer: Callable[[Transaction], None]

    def __repr__(self) -> str:
        return repr(self.transaction)


class Log:
    """The records of a topic in the order of their offsets, each with its transaction."""

    def __init__(self, topic: str, network: Network) -> None:
        self.topic = topic
        self.records: list[tuple[Transaction, Row]] = []
        self.latest: dict[TransactionalId, Transaction] = {}
        self.lost: list[Transaction] = []
        self.requests = network.channel(BROKER, f"broker {topic}", "commits", self.answer)
        self.markers = network.channel(BROKER, f"broker {topic}", "marks the end of", self.mark)
        self.polls = network.channel(BROKER, f"reader {topic}", "reads up to", lambda offset: None)

    def begin(self, id: TransactionalId) -> Transaction:
        """Take over a transactional id: what is still open under it is aborted."""
        before = self.latest.get(id)
        if before is not None and before.state == OPEN:
            self.abort(before)
        transaction = self.latest[id] = Transaction(id, before.epoch + 1 if before else 0)
        return transaction

    def write(self, transaction: Transaction, rows: list[Row]) -> None:
        """Append rows to an open transaction."""
        if transaction.state != OPEN:
            raise FencedError(f"nothing, having lost {transaction}")
        self.records += [(transaction, row) for row in rows]
        transaction.rows += len(rows)

    def answer(self, request: Request) -> None:
        """Commit, and answer; a task that is no more does not mind."""
        self.commit(request.transaction)
        request.answer(request.transaction)

    def commit(self, transaction: Transaction) -> None:
        """Decide to commit, by id and epoch; a second time changes nothing. What was aborted before is lost."""
        if transaction.state == OPEN:
            transaction.state = COMMITTING
            self.markers.put(transaction)
        elif transaction.state in (ABORTING, ABORTED):
            self.lost.append(transaction)

    def abort(self, transaction: Transaction) -> None:
        """Decide to abort what is open. Without a row the log does not know it, and needs no marker."""
        if transaction.state == OPEN:
            transaction.state = ABORTING if transaction.rows else ABORTED
            if transaction.rows:
                self.markers.put(transaction)

    def mark(self, transaction: Transaction) -> None:
        """Write the end marker."""
        transaction.state += COMMITTED - COMMITTING
        self.polls.put(len(self.records))

    def open(self) -> list[Transaction]:
        """The transactions that hold back readers and nobody has decided on."""
        return [each for each in self.latest.values() if each.state == OPEN and each.rows]


class Reader:
    """Reads a log with isolation level read_committed. `rows` are the highest revisions it has seen."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.position = self.records = 0
        self.rows: dict[Key, Row] = {}
        self.taken: dict[Transaction, int] = {}
        log.polls.receive = self.poll

    def poll(self, end: int) -> None:
        """Read up to an offset, or to the last stable one."""
        records = self.log.records
        while self.position < end and self.is_stable(records[self.position][0]):
            transaction, row = records[self.position]
            self.position += 1
            if self.is_visible(transaction):
                self.taken[transaction] = self.taken.get(transaction, 0) + 1
                self.take(row)

    def is_stable(self, transaction: Transaction) -> bool:
        """Whether the last stable offset may be behind its records."""
        return transaction.state >= COMMITTED

    def is_visible(self, transaction: Transaction) -> bool:
        """Whether the reader is shown its records."""
        return transaction.state == COMMITTED

    def take(self, row: Row) -> None:
        """Take in a row: the revisions of a key come one after the other, each once."""
        known = self.rows.get(row.key)
        due = known.revision + 1 if known else 0
        if row.revision < due:
            raise ViolationError(f"uniqueness: {row} on {self.log.topic} although {known} was read")
        if row.revision > due:
            raise ViolationError(f"revisions: {row} on {self.log.topic} after {known}")
        self.rows[row.key] = row
        self.records += row.records
