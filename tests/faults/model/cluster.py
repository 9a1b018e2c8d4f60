"""A job, its broker and its readers: how they start, what can befall them."""

import random
from dataclasses import dataclass

from tests.faults.model import tape
from tests.faults.model.dataflow import NEVER, TOPICS, Operator, Record, Source, behind
from tests.faults.model.network import CLIENTS, COORDINATOR, TASKS, Network
from tests.faults.model.transaction_log import Log, Reader, ViolationError
from tests.faults.model.two_phase import Coordinator, Sink, Store

LAYOUTS = ((1, 1, 1), (2, 1, 1), (1, 2, 1), (3, 1, 1))
"""How many sinks each topic has."""


@dataclass(frozen=True)
class Parts:
    """What a cluster is made of; a negative control replaces one of them by a broken one."""

    source: type[Source] = Source
    operator: type[Operator] = Operator
    sink: type[Sink] = Sink
    coordinator: type[Coordinator] = Coordinator
    log: type[Log] = Log
    reader: type[Reader] = Reader
    timeout_outlasts_outages: bool = True


class Cluster:
    """Two partitions, the job that reads them, a log a topic and its reader. All that moves is in the `network`."""

    def __init__(self, dice: random.Random, parts: Parts) -> None:
        self.dice, self.parts, self.network = dice, parts, Network()
        self.partitions = tape.draw(dice)
        self.shown = [watermarks(partition) for partition in self.partitions]
        self.logs = [parts.log(topic, self.network) for topic in TOPICS]
        self.readers = [parts.reader(log) for log in self.logs]
        self.arrived = [0] * tape.PARTITIONS
        self.store = Store()
        self.layout = self.layout_before = dice.choice(LAYOUTS)
        self.upgraded_at = 0
        self.start()

    # Starting

    def start(self) -> None:
        """Start the job anew, from the last completed checkpoint if there is one."""
        network, parts = self.network, self.parts
        network.close(TASKS, CLIENTS, COORDINATOR)
        self.tasks_up = self.coordinator_up = True
        coordinator = self.coordinator = parts.coordinator(self.store, network)
        operator = self.operator = parts.operator(tape.PARTITIONS, coordinator, network, self.check_watermark)
        self.sources = coordinator.sources = [
            parts.source(number, partition, coordinator, operator.channels[number], network)
            for number, partition in enumerate(self.partitions)
        ]
        self.sinks = coordinator.sinks = [
            parts.sink(log, subtask, subtasks, coordinator, network)
            for log, subtasks in zip(self.logs, self.layout, strict=True)
            for subtask in range(subtasks)
        ]
        for sink in self.sinks:
            operator.outputs[TOPICS.index(sink.log.topic)].append(sink.channel)
        self.restore()

    def restore(self) -> None:
        """Hand out the states. A sink is shown those of all sinks of its topic, and takes what it owns."""
        checkpoint, states = self.store.completed, self.store.states
        for source, arrived in zip(self.sources, self.arrived, strict=True):
            source.restore(states.get(source.name, 0), arrived)
        if checkpoint:
            self.operator.restore(states[self.operator.name])
        for sink in self.sinks:
            pending = [each for name in states if name.startswith(sink.log.topic) for each in states[name]]
            sink.restore(checkpoint, sorted(pending, key=lambda each: (each[0], each[1].id)))

    def restart(self) -> str | None:
        """Start again what a crash has left. A version that has not completed a checkpoint is rolled back."""
        if self.tasks_up and self.coordinator_up:
            return None
        if self.store.completed == self.upgraded_at:
            self.layout = self.layout_before
        self.start()
        return f"the job restarts from checkpoint {self.store.completed} with {self.layout} sinks"

    def upgrade(self) -> str | None:
        """Start the next version from the savepoint at which this one has stopped, with another number of sinks."""
        if not (self.tasks_up and self.coordinator_up and self.coordinator.stopped):
            return None
        self.layout_before, self.upgraded_at = self.layout, self.store.completed
        self.layout = self.dice.choice(LAYOUTS)
        self.start()
        return f"the next version starts from savepoint {self.store.completed} with {self.layout} sinks"

    # Faults, and what the cluster does of itself

    def arrive(self, records: int = 1) -> str:
        """Records come into each partition, as far as there are any left."""
        for number, partition in enumerate(self.partitions):
            for record in partition[self.arrived[number] : self.arrived[number] + records]:
                self.sources[number].records.put(record)
                self.arrived[number] += 1
        return f"{self.arrived} records have arrived"

    def arrive_all(self) -> str:
        """The rest of the records come."""
        return self.arrive(tape.RECORDS + 1)

    def crash_tasks(self) -> str | None:
        """The tasks are gone with all that was on its way to them; what they sent arrives."""
        if not self.tasks_up:
            return None
        self.tasks_up = False
        self.network.close(TASKS, CLIENTS)
        return "the task manager crashes"

    def crash_coordinator(self) -> str | None:
        """The coordinator is gone; the tasks go on until it is back and starts them anew."""
        if not self.coordinator_up:
            return None
        self.coordinator_up = False
        self.network.close(COORDINATOR)
        return "the coordinator crashes"

    def crash_broker(self) -> str | None:
        """Nothing is read or written until it is back; what it has answered for, it keeps."""
        if not self.network.broker_up:
            return None
        self.network.stop_broker()
        return "the broker crashes"

    def restart_broker(self) -> str | None:
        """The broker is back, and what waited for it goes on."""
        if self.network.broker_up:
            return None
        self.network.start_broker()
        return "the broker is back"

    def trigger(self) -> str | None:
        """A checkpoint is due."""
        started = self.coordinator_up and self.coordinator.trigger()
        return f"checkpoint {started} starts" if started else None

    def stop_with_savepoint(self) -> str | None:
        """Somebody begins an upgrade."""
        started = self.coordinator_up and self.tasks_up and self.coordinator.stop_with_savepoint()
        return f"savepoint {started} starts" if started else None

    def expire(self) -> str | None:
        """A checkpoint takes too long."""
        expired = self.coordinator_up and self.coordinator.expire()
        return f"checkpoint {expired} is given up" if expired else None

    def time_out(self) -> str | None:
        """The broker aborts what nobody holds; in an outage, too, what nobody can end in time."""
        outage = not (self.network.broker_up and self.tasks_up)
        if outage and self.parts.timeout_outlasts_outages:
            return None
        for log in self.logs:
            for transaction in log.open():
                if outage or not any(sink.holds(transaction) for sink in self.sinks):
                    log.abort(transaction)
                    return f"time-out of {log.topic} {transaction}"
        return None

    def check_watermark(self, watermark: int) -> None:
        """The operator's watermark is never ahead of what each partition has shown."""
        shown = [marks[source.offset] for marks, source in zip(self.shown, self.sources, strict=True)]
        if watermark > min(shown):
            raise ViolationError(f"watermark: {watermark} where the partitions have shown {shown}")


def watermarks(partition: list[Record]) -> list[int]:
    """The watermark of a partition after its first 0, 1, 2, … records."""
    marks = [NEVER]
    for record in partition:
        marks.append(behind(marks[-1], record))
    return marks
