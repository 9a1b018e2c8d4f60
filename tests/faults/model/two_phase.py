"""Two-phase commit: the coordinator that completes checkpoints, and the sinks that commit their transactions.

Phase one: a sink that a barrier reaches flushes, puts its transaction among the pending ones, and acknowledges the
checkpoint with them. Phase two: with all acknowledgements the checkpoint is completed, and only then is each sink
notified and asks the broker to commit what was pending at it. What a restored checkpoint has pending is committed
again.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.faults.model.network import CLIENTS, COORDINATOR, TASKS, Network
from tests.faults.model.transaction_log import Log, Request, Row, Transaction, TransactionalId

if TYPE_CHECKING:
    from tests.faults.model.dataflow import Source

BATCH = 2
"""Rows that a producer sends at once."""
BEGIN: Final = "begin"

Pending = tuple[int, Transaction]
"""A checkpoint and the transaction that it is to commit."""


@dataclass
class Store:
    """What survives every crash: the last completed checkpoint with the states of its tasks."""

    started: int = 0
    completed: int = 0
    states: dict[str, Any] = field(default_factory=dict)


class Coordinator:
    """Starts checkpoints and completes those that all tasks have acknowledged."""

    def __init__(self, store: Store, network: Network) -> None:
        self.store = store
        self.pending: int | None = None
        self.savepoint: int | None = None
        self.states: dict[str, Any] = {}
        self.sources: list[Source] = []
        self.sinks: list[Sink] = []
        self.acknowledgements = network.channel(COORDINATOR, "coordinator", "hears", self.acknowledge)
        self.completions = network.channel(COORDINATOR, "coordinator", "completes", self.complete)

    def trigger(self) -> int | None:
        """Start a checkpoint at the sources. None while one is pending, or after a savepoint."""
        if self.pending or self.savepoint:
            return None
        self.store.started += 1
        self.pending, self.states = self.store.started, {}
        for source in self.sources:
            source.orders.put(self.pending)
        return self.pending

    def stop_with_savepoint(self) -> int | None:
        """Start a last checkpoint, at which the sources stop."""
        started = self.trigger()
        self.savepoint = started or self.savepoint
        return started

    def expire(self) -> int | None:
        """Give up the pending checkpoint. Not a savepoint: its sources have stopped, only a restart could go on."""
        if self.savepoint:
            return None
        expired, self.pending = self.pending, None
        return expired

    def acknowledge(self, message: tuple[int, str, Any]) -> None:
        """Take in a task's state. What belongs to a checkpoint that was given up is ignored."""
        checkpoint, task, state = message
        if checkpoint == self.pending:
            self.states[task] = state
            if len(self.states) == len(self.sources) + 1 + len(self.sinks):
                self.completions.put(checkpoint)

    def complete(self, checkpoint: int) -> None:
        """Store the checkpoint, from here on it counts, and notify the sinks."""
        if checkpoint == self.pending:
            self.store.completed, self.store.states = checkpoint, self.states
            self.pending = None
            for sink in self.sinks:
                sink.notifications.put(checkpoint)

    @property
    def stopped(self) -> bool:
        """Whether the savepoint is completed and committed."""
        return self.savepoint == self.store.completed and not any(sink.pending for sink in self.sinks)


class Sink:
    """A writer of a topic with a pool of transactional ids, and the committer behind it."""

    def __init__(self, log: Log, subtask: int, subtasks: int, coordinator: Coordinator, network: Network) -> None:
        self.log, self.subtask, self.subtasks, self.coordinator = log, subtask, subtasks, coordinator
        self.name = f"{log.topic}/{subtask}"
        self.channel = network.channel(CLIENTS, self.name, "writes", self.receive)
        self.notifications = network.channel(TASKS, self.name, "is notified of", self.commit_pending)
        self.pending: list[Pending] = []
        self.restored: list[TransactionalId] = []
        self.buffer: list[Row] = []
        self.transaction = Transaction((subtask, 0), 0)

    def restore(self, checkpoint: int, pending: list[Pending]) -> None:
        """Before the first row: commit again what the checkpoint has pending, abort what lingers, begin."""
        self.pending = [each for each in pending if self.owns(each[1].id)]
        self.restored = self.pending_ids()
        self.commit_pending(checkpoint)
        for transaction in self.lingering():
            self.channel.put(transaction)
        self.channel.put(BEGIN)

    def owns(self, id: TransactionalId) -> bool:
        """Whether this writer answers for an id, maybe that of a subtask which is no more."""
        return id[0] % self.subtasks == self.subtask

    def lingering(self) -> list[Transaction]:
        """Open transactions of its ids that no checkpoint has pending."""
        pending = self.pending_ids()
        return [each for each in self.log.open() if self.owns(each.id) and each.id not in pending]

    def pending_ids(self) -> list[TransactionalId]:
        """The ids that may not be used until the next barrier."""
        return [transaction.id for _, transaction in self.pending]

    def receive(self, message: Any) -> None:
        """Take in a row, a barrier, or what is to be done before them."""
        if message.__class__ is Row:
            self.write(message)
        elif message.__class__ is int:
            self.pre_commit(message)
        elif message == BEGIN:
            self.begin(self.pending_ids())
        else:
            self.log.abort(message)

    def begin(self, used: list[TransactionalId]) -> None:
        """Begin a transaction with the first id that is free."""
        number = 0
        while (self.subtask, number) in used:
            number += 1
        self.transaction = self.log.begin((self.subtask, number))

    def write(self, row: Row) -> None:
        """Send rows in batches."""
        self.buffer.append(row)
        if len(self.buffer) == BATCH:
            self.flush()

    def flush(self) -> None:
        """Send what is in the buffer."""
        if self.buffer:
            self.log.write(self.transaction, self.buffer)
            self.buffer = []

    def pre_commit(self, checkpoint: int) -> None:
        """Phase one: every row is at the broker, and the state names the transaction that is to be committed."""
        self.flush()
        if self.transaction.rows:
            self.pending.append((checkpoint, self.transaction))
        self.coordinator.acknowledgements.put((checkpoint, self.name, list(self.pending)))
        self.begin(self.pending_ids())

    def commit_pending(self, checkpoint: int) -> None:
        """Phase two: ask the broker to commit what was pending at a completed checkpoint."""
        for pending_at, transaction in self.pending:
            if pending_at <= checkpoint:
                self.log.requests.put(Request(transaction, self.committed))

    def committed(self, transaction: Transaction) -> None:
        """The broker has answered."""
        self.pending = [each for each in self.pending if each[1] is not transaction]

    def answers_for(self, transaction: Transaction) -> bool:
        """Whether it will end a transaction that is open."""
        return self.holds(transaction) or transaction.id in self.restored

    def holds(self, transaction: Transaction) -> bool:
        """Whether it means to write to a transaction, or to commit it."""
        return transaction is self.transaction or any(transaction is each for _, each in self.pending)
