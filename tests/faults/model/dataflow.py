"""The tasks that feed the sinks: sources with offsets, and the operator that makes windows of their trades.

    source 0 ─┐            ┌─ seconds/0 ─→ log
              ├─ operator ─┼─ minutes/0 ─→ log
    source 1 ─┘            └─ aside/0   ─→ log

A barrier follows the records of its checkpoint through every channel; each task snapshots its state as it passes.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

from tests.faults.model.network import CLIENTS, TASKS, Channel, Network
from tests.faults.model.transaction_log import Row
from tests.faults.model.two_phase import Coordinator

SECONDS, MINUTES, ASIDE = range(3)
TOPICS = ("seconds", "minutes", "aside")
WINDOWS = ((SECONDS, 4), (MINUTES, 12))
"""(topic, length of its windows in ticks)."""
DISORDER = 2
NEVER: Final = -1_000
"""The watermark before there is one."""
IDLE: Final = 1_000
"""Stands for the watermark of a source that nobody waits for."""

Window = tuple[int, int, int]
"""(topic, symbol, start)."""


class Record(NamedTuple):
    """A message of the tape, in ticks of event time. One without a size is no trade."""

    time: int
    symbol: int
    size: int
    origin: int
    """Which message of the tape it is."""


def behind(watermark: int, record: Record) -> int:
    """The watermark of a partition after its next record. What is no trade does not move event time."""
    return max(watermark, record.time - DISORDER - 1) if record.size else watermark


class Source:
    """Reads a partition. Its state is the offset; its watermark starts from none with every start."""

    def __init__(
        self, number: int, partition: list[Record], coordinator: Coordinator, channel: Channel, network: Network
    ) -> None:
        self.name = f"source {number}"
        self.partition, self.coordinator, self.channel = partition, coordinator, channel
        self.records = network.channel(CLIENTS, self.name, "reads", self.read)
        self.orders = network.channel(TASKS, self.name, "starts", self.snapshot)
        self.offset, self.watermark = 0, NEVER

    def restore(self, offset: int, arrived: int) -> None:
        """Read on from an offset what has arrived. At the end of the partition it is idle, and holds nobody back."""
        self.offset = offset
        for record in self.partition[offset:arrived]:
            self.records.put(record)
        if offset == len(self.partition):
            self.channel.put((None, IDLE))

    def read(self, record: Record) -> None:
        """Send a record and the watermark behind it."""
        self.offset += 1
        self.watermark = behind(self.watermark, record)
        self.channel.put((record, self.watermark))

    def snapshot(self, checkpoint: int) -> None:
        """Send the barrier behind the records of its checkpoint; a savepoint is the end."""
        self.coordinator.acknowledgements.put((checkpoint, self.name, self.offset))
        self.channel.put(checkpoint)
        if checkpoint == self.coordinator.savepoint:
            self.records.close()


class OperatorState(NamedTuple):
    """The snapshot of the operator."""

    open: dict[Window, tuple[int, int]]
    """Volume and copies."""
    closed: dict[Window, tuple[int, int]]
    """Volume and revision."""
    watermark: int

    def __repr__(self) -> str:
        return f"{len(self.open)} open and {len(self.closed)} closed windows, watermark {self.watermark}"


class Operator:
    """Sums trades up in windows, closes these by the watermark, revises the closed ones by what comes late."""

    name = "operator"

    def __init__(
        self, partitions: int, coordinator: Coordinator, network: Network, observe: Callable[[int], None]
    ) -> None:
        self.coordinator, self.observe = coordinator, observe
        self.channels = [
            network.channel(TASKS, self.name, "processes", partial(self.receive, number))
            for number in range(partitions)
        ]
        self.watermarks = [NEVER] * partitions
        self.outputs: list[list[Channel]] = [[] for _ in TOPICS]
        self.aligning = self.arrived = 0
        self.open: dict[Window, tuple[int, int]] = {}
        self.closed: dict[Window, tuple[int, int]] = {}
        self.watermark = NEVER

    def restore(self, state: OperatorState) -> None:
        """Go on from a snapshot. The sources forget their watermarks, the operator does not."""
        self.open, self.closed, self.watermark = dict(state.open), dict(state.closed), state.watermark

    def receive(self, number: int, message: Any) -> None:
        """Take in a barrier, or a record with the watermark of its source."""
        if message.__class__ is int:
            self.align(number, message)
            return
        record, self.watermarks[number] = message
        if record:
            self.add(record)
        watermark = min(self.watermarks)
        if self.watermark < watermark < IDLE:
            self.watermark = watermark
            self.observe(watermark)
            self.close()

    def add(self, record: Record) -> None:
        """Put a trade into its windows, be they closed; a copy is only counted."""
        time, symbol, size, origin = record
        if not size:
            self.emit(ASIDE, origin, Row(("rejected", origin), 0, 0, 1))
            return
        for topic, length in WINDOWS:
            window = (topic, symbol, time - time % length)
            if window[2] + length - 1 > self.watermark:
                volume, copies = self.open.get(window, (0, 0))
                self.open[window] = (volume | size, copies + 1 if volume & size else copies)
            else:
                self.revise(window, size, origin)

    def revise(self, window: Window, size: int, origin: int) -> None:
        """Put a late trade into a closed window, once."""
        topic, symbol, start = window
        if topic == SECONDS:
            self.emit(ASIDE, origin, Row(("late", origin), 0, 0, 1))
        volume, revision = self.closed.get(window, (0, -1))
        if not volume & size:
            self.closed[window] = (volume | size, revision + 1)
            self.emit(topic, symbol, Row((symbol, start), revision + 1, volume | size, 0))

    def close(self) -> None:
        """Emit the windows that the watermark has passed."""
        due = [window for window in self.open if window[2] + WINDOWS[window[0]][1] - 1 <= self.watermark]
        for window in due:
            topic, symbol, start = window
            volume, copies = self.open.pop(window)
            self.closed[window] = (volume, 0)
            self.emit(topic, symbol, Row((symbol, start), 0, volume, volume.bit_count() + copies))

    def emit(self, topic: int, key: int, row: Row) -> None:
        """Send a row to the sink that its key belongs to."""
        sinks = self.outputs[topic]
        sinks[key % len(sinks)].put(row)

    def align(self, number: int, checkpoint: int) -> None:
        """Hold back a channel whose barrier has come until those of all others have: then snapshot."""
        if checkpoint < self.aligning:
            return  # it was given up, and the next one is under way
        if checkpoint > self.aligning:
            self.aligning, self.arrived = checkpoint, 0
            self.release()
        self.arrived += 1
        self.channels[number].block()
        if self.arrived == len(self.channels):
            self.snapshot(checkpoint)
            self.release()

    def release(self) -> None:
        """Let all channels go on."""
        for channel in self.channels:
            channel.release()

    def snapshot(self, checkpoint: int) -> None:
        """Acknowledge with the state, and send the barrier on."""
        state = OperatorState(dict(self.open), dict(self.closed), self.watermark)
        self.coordinator.acknowledgements.put((checkpoint, self.name, state))
        for sinks in self.outputs:
            for channel in sinks:
                channel.put(checkpoint)
