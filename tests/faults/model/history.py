"""One seeded history of a job under two-phase commit: messages in any order, crashes after any of them.

A step delivers the first message of some channel, drawn among all that have one. In the storm events are drawn too:
checkpoints, crashes, restarts, time-outs, upgrades. Then the weather clears: what is down is restarted, everything is
delivered, one more checkpoint is completed, and the invariants that hold once drained are judged. That no revision is
read twice and that the watermark does not jump is checked at every moment: records are read once and never taken back.
"""

import random
from collections.abc import Callable
from typing import Any

from tests.faults.model import tape
from tests.faults.model.cluster import Cluster, Parts
from tests.faults.model.dataflow import MINUTES, SECONDS, WINDOWS, Window
from tests.faults.model.transaction_log import COMMITTED, FencedError, Reader, ViolationError

EVENTS = 26
"""How many come in a storm, those that cannot happen included."""
STEPS_BETWEEN = range(9)
"""How many steps are taken between two of them."""
FREQUENCY = {
    "arrive": 8,
    "trigger": 8,
    "crash_tasks": 2,
    "crash_coordinator": 1,
    "restart": 4,
    "crash_broker": 1,
    "restart_broker": 3,
    "time_out": 2,
    "expire": 1,
    "stop_with_savepoint": 2,
    "upgrade": 3,
}
"""How often each event comes, of all that do."""
CALM = ("restart_broker", "restart", "restart", "check_lingering", "arrive_all", "upgrade", "trigger")
"""What ends a history. A task may find only after the first restart that its transaction was timed out."""
STEPS_AT_ONCE = 1_000
"""More than there can be: all that there is to deliver."""

Watch = Callable[[str, str, Any], None]
"""Shown who does what to which message, or which event has happened, in words."""


class History(Cluster):
    """A cluster through a storm and the calm after it. `watch` is shown every step."""

    def __init__(self, seed: int, parts: Parts, watch: Watch | None = None) -> None:
        super().__init__(random.Random(seed), parts)
        self.watch = watch

    def run(self) -> None:
        """Live it.

        Raises:
            ViolationError: an invariant does not hold.
        """
        self.storm()
        for event in CALM:
            self.happen(event)
            self.deliver(STEPS_AT_ONCE)
        self.judge()

    def storm(self) -> None:
        events = self.dice.choices(list(FREQUENCY), tuple(FREQUENCY.values()), k=EVENTS)
        for name, steps in zip(events, self.dice.choices(STEPS_BETWEEN, k=EVENTS), strict=True):
            self.deliver(steps)
            self.happen(name)

    def happen(self, event: str) -> None:
        """Let an event happen, if it can."""
        what = getattr(self, event)()
        if what and self.watch:
            self.watch("", event, what)

    def deliver(self, steps: int) -> None:
        """Deliver so many messages, as far as there are any."""
        ready, random, watch = self.network.ready, self.dice.random, self.watch
        for _ in range(steps):
            if not ready:
                return
            channel = ready[int(random() * len(ready))]
            try:
                message = channel.deliver()
                if watch:
                    watch(channel.receiver, channel.name, message)
            except FencedError as fenced:
                if watch:
                    watch(channel.receiver, channel.name, fenced)
                self.happen("crash_tasks")

    def check_lingering(self) -> None:
        """Once the job runs again, a sink holds every open transaction, or will end it by the next use of its id.

        The latter: an id that the restored checkpoint has pending is not aborted, be it in use anew since then.
        """
        for log in self.logs:
            for transaction in log.open():
                if not any(sink.log is log and sink.answers_for(transaction) for sink in self.sinks):
                    raise ViolationError(f"last stable offset: {log.topic} is held back by {transaction}")

    def judge(self) -> None:
        """The invariants that hold once everything is drained."""
        for reader in self.readers:
            self.check_stable(reader)
        seconds, _, aside = self.readers
        volumes = self.volumes()
        minutes = {window: volume for window, volume in volumes.items() if window[0] == MINUTES}
        require("conservation", tape.RECORDS, seconds.records + aside.records)
        require("agreement of the sinks", by_minute(volumes), minutes)
        require("equality", tape.fold(self.partitions), volumes)
        for log in self.logs:
            require(f"lost transactions: {log.topic}", [], log.lost)

    def check_stable(self, reader: Reader) -> None:
        """The last stable offset is the high watermark; what was read was committed, all of each transaction."""
        log = reader.log
        require(f"last stable offset: {log.topic} with open {log.open()}", len(log.records), reader.position)
        for transaction, rows in reader.taken.items():
            if transaction.state != COMMITTED or transaction.rows != rows:
                raise ViolationError(f"whole transactions: {rows} rows read on {log.topic} of {transaction}")

    def volumes(self) -> dict[Window, int]:
        """The volume of the highest revision of every window, as read."""
        volumes: dict[Any, int] = {}
        for topic, _ in WINDOWS:
            volumes |= {(topic, *key): row.volume for key, row in self.readers[topic].rows.items()}
        return volumes


def require(invariant: str, expected: Any, found: Any) -> None:
    """Raise a ViolationError unless what was found is what was expected."""
    if expected != found:
        raise ViolationError(f"{invariant}: {found} where {expected} is right")


def by_minute(volumes: dict[Window, int]) -> dict[Window, int]:
    """The minutes that the seconds among the windows make."""
    minutes: dict[Window, int] = {}
    for (topic, symbol, start), volume in volumes.items():
        if topic == SECONDS:
            minute = (MINUTES, symbol, start - start % WINDOWS[MINUTES][1])
            minutes[minute] = minutes.get(minute, 0) | volume
    return minutes


def violation(seed: int, parts: Parts, watch: Watch | None = None) -> str | None:
    """What the history of a seed violates, if anything."""
    try:
        History(seed, parts, watch).run()
    except ViolationError as found:
        return str(found)
    return None


def line(receiver: str, name: str, message: Any) -> str:
    """A step in words."""
    if not receiver:
        return f"--- {message}"
    if isinstance(message, int) and name in ("processes", "writes"):
        return f"{receiver:<16} {name:<17} barrier {message}"
    return f"{receiver:<16} {name:<17} {message}"
