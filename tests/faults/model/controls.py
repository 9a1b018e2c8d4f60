"""The model with one rule broken at a time: what the invariants must catch."""

from dataclasses import replace

from tests.faults.model.cluster import Parts
from tests.faults.model.dataflow import ASIDE, NEVER, SECONDS, Operator, OperatorState, Source, Window
from tests.faults.model.tape import END
from tests.faults.model.transaction_log import COMMITTED, Log, Reader, Row, Transaction
from tests.faults.model.two_phase import Coordinator, Pending, Sink

WRITTEN_AT_ONCE = Transaction((-1, 0), 0)
WRITTEN_AT_ONCE.state = COMMITTED


class AtLeastOnceSink(Sink):
    """Writes without a transaction."""

    def flush(self) -> None:
        self.log.records += [(WRITTEN_AT_ONCE, row) for row in self.buffer]
        self.log.polls.put(len(self.log.records))
        self.buffer = []


class ReaderOfUncommitted(Reader):
    """Reads with isolation level read_uncommitted."""

    def is_stable(self, transaction: Transaction) -> bool:
        return True

    def is_visible(self, transaction: Transaction) -> bool:
        return True


class SinkThatCommitsAtTheBarrier(Sink):
    """Does not wait for the checkpoint to complete."""

    def pre_commit(self, checkpoint: int) -> None:
        super().pre_commit(checkpoint)
        self.commit_pending(checkpoint)


class SinkThatDoesNotFlush(Sink):
    """Pre-commits with rows still in its buffer."""

    def pre_commit(self, checkpoint: int) -> None:
        kept, self.buffer = self.buffer, []
        super().pre_commit(checkpoint)
        self.buffer = kept


class SinkThatDoesNotCommitAgain(Sink):
    """Leaves what a checkpoint has pending to the run before."""

    def restore(self, checkpoint: int, pending: list[Pending]) -> None:
        super().restore(checkpoint, [])


class SinkThatDoesNotAbort(Sink):
    """Leaves the open transactions of the run before alone."""

    def lingering(self) -> list[Transaction]:
        return []


class LogWithoutEpochs(Log):
    """Commits whatever is open under the transactional id."""

    def commit(self, transaction: Transaction) -> None:
        super().commit(self.latest[transaction.id])


class OperatorThatDropsACandle(Operator):
    """Loses the fourth row of each run."""

    emitted = 0

    def emit(self, topic: int, key: int, row: Row) -> None:
        self.emitted += 1
        if self.emitted != 4:
            super().emit(topic, key, row)


class OperatorThatDoublesACandle(Operator):
    """Sends the fourth row of each run twice."""

    emitted = 0

    def emit(self, topic: int, key: int, row: Row) -> None:
        self.emitted += 1
        for _ in range(2 if self.emitted == 4 else 1):
            super().emit(topic, key, row)


class OperatorThatRevisesNothing(Operator):
    """Reports a late trade, and leaves its candles as they are."""

    def revise(self, window: Window, size: int, origin: int) -> None:
        if window[0] == SECONDS:
            self.emit(ASIDE, origin, Row(("late", origin), 0, 0, 1))


class OperatorWithoutAlignment(Operator):
    """Does not hold back the channel whose barrier has come."""

    def align(self, number: int, checkpoint: int) -> None:
        super().align(number, checkpoint)
        self.release()


class OperatorThatForgetsItsWatermark(Operator):
    """Starts from no watermark, as the sources do."""

    def restore(self, state: OperatorState) -> None:
        super().restore(state)
        self.watermark = NEVER


class SourceThatForgetsItsOffset(Source):
    """Starts from the beginning of its partition."""

    def restore(self, offset: int, arrived: int) -> None:
        super().restore(0, arrived)


class SourceThatEndsTooEarly(Source):
    """Says for a while after each start that event time is over, as a subtask without a partition does."""

    def restore(self, offset: int, arrived: int) -> None:
        super().restore(offset, arrived)
        self.watermark = END


class CoordinatorThatForgetsSavepoints(Coordinator):
    """Completes and commits a savepoint that a restart knows nothing of."""

    def complete(self, checkpoint: int) -> None:
        before = replace(self.store)
        super().complete(checkpoint)
        if checkpoint == self.savepoint:
            self.store.completed, self.store.states = before.completed, before.states


CONTROLS = {
    "at-least-once sink": Parts(sink=AtLeastOnceSink),
    "reader of uncommitted data": Parts(reader=ReaderOfUncommitted),
    "commit before the checkpoint completes": Parts(sink=SinkThatCommitsAtTheBarrier),
    "pre-commit without a flush": Parts(sink=SinkThatDoesNotFlush),
    "time-out shorter than the outage": Parts(timeout_outlasts_outages=False),
    "pending transactions not committed again": Parts(sink=SinkThatDoesNotCommitAgain),
    "open transactions not aborted": Parts(sink=SinkThatDoesNotAbort),
    "commit by id without epoch": Parts(log=LogWithoutEpochs),
    "one dropped candle": Parts(operator=OperatorThatDropsACandle),
    "one doubled candle": Parts(operator=OperatorThatDoublesACandle),
    "late trades left out": Parts(operator=OperatorThatRevisesNothing),
    "barriers not aligned": Parts(operator=OperatorWithoutAlignment),
    "watermark not restored": Parts(operator=OperatorThatForgetsItsWatermark),
    "watermark jumps": Parts(source=SourceThatEndsTooEarly),
    "offsets not restored": Parts(source=SourceThatForgetsItsOffset),
    "savepoint forgotten": Parts(coordinator=CoordinatorThatForgetsSavepoints),
}
