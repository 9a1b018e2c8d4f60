"""The moments: each waits until it has come, and lasts as long as its context.

A checkpoint is seen in its folder: the JobManager makes it before it tells the tasks, and adds the metadata when all
have answered. Transactions are seen, and held up, in the proxy.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.faults import wire
from tests.faults.bed import Batch, UnsettledError, wait_for
from tests.faults.faults import frozen
from tests.faults.wire import Request
from tests.integration.test_stack import shared

TIMEOUT_S = 60
WATCH_S = 0.001
TOLD_S = 0.005
"""How long the JobManager takes to tell all tasks of a checkpoint."""
ACKNOWLEDGED_S = 0.4
"""How long tasks take to acknowledge it, with time to spare."""
FROZEN_S_MAX = 5
"""Well below the heartbeat's time-out, however busy the machine is."""
QUIET_S = 0.1
"""Commits of one checkpoint follow each other more closely, those of the next come later."""
METADATA = "_metadata"


@contextmanager
def inside_window(batch: Batch, dice: random.Random) -> Iterator[None]:
    """A time drawn from the interval between two checkpoints."""
    _await_completed(batch)
    time.sleep(dice.random() * batch.settings.checkpoint_interval.total_seconds())
    yield


@contextmanager
def barrier(batch: Batch, _dice: random.Random) -> Iterator[None]:
    """The JobManager has made the folder of a checkpoint and is about to tell the tasks."""
    _await_begun(batch)
    yield


@contextmanager
def pre_committed(batch: Batch, _dice: random.Random) -> Iterator[None]:
    """The JobManager is frozen while the tasks acknowledge; it hears them when the moment is over."""
    jobmanager = batch.stack.pids["jobmanager"]
    _await_begun(batch)
    time.sleep(TOLD_S)
    with frozen(jobmanager):
        time.sleep(min(shared(ACKNOWLEDGED_S), FROZEN_S_MAX))
        yield


@contextmanager
def completed(batch: Batch, _dice: random.Random) -> Iterator[None]:
    """The first request to commit a transaction is kept back, and so are those of the other sinks."""
    with batch.proxy.keep_back(_is_commit) as hold:
        if not hold.reached.wait(TIMEOUT_S):
            raise UnsettledError(f"moment: no transaction was to be committed after {TIMEOUT_S} s")
        time.sleep(QUIET_S)
        yield


@contextmanager
def between_commits(batch: Batch, _dice: random.Random) -> Iterator[None]:
    """The broker has committed for one sink; the requests of the others are kept back."""
    first, commits = FirstSinkPasses(), batch.proxy.commits
    before = len(commits)
    with batch.proxy.keep_back(first) as hold:
        if not hold.reached.wait(TIMEOUT_S):
            raise UnsettledError(f"moment: no two sinks were to commit after {TIMEOUT_S} s")
        time.sleep(QUIET_S)
        wait_for(lambda: first.passed in {each.topic for each in commits[before:]}, "moment: no commit", TIMEOUT_S)
        yield


@contextmanager
def committed(batch: Batch, _dice: random.Random) -> Iterator[None]:
    """The broker has answered all requests to commit, and no more have come."""
    commits = batch.proxy.commits
    before = len(commits)
    wait_for(lambda: len(commits) > before, "moment: nothing was committed", TIMEOUT_S, WATCH_S)
    seen = 0
    while seen < len(commits):
        seen = len(commits)
        time.sleep(QUIET_S)
    yield


@contextmanager
def restore(batch: Batch, _dice: random.Random) -> Iterator[None]:
    """The TaskManager was killed, and the first request by which a sink takes over its transactions is kept back."""
    killed = batch.stack.pids["taskmanager"]
    os.kill(killed, signal.SIGKILL)
    # What the killed one had sent is still on its way through the proxy, and it looks the same.
    wait_for(lambda: batch.stack.pids.get("taskmanager", killed) != killed, "moment: no new TaskManager", TIMEOUT_S)
    with batch.proxy.keep_back(_takes_over) as hold:
        if not hold.reached.wait(TIMEOUT_S):
            raise UnsettledError(f"moment: the job was not restored after {TIMEOUT_S} s")
        yield


@contextmanager
def savepoint(batch: Batch, _dice: random.Random) -> Iterator[None]:
    """The JobManager has made the folder of the savepoint. A job that stops goes on from it afterwards."""
    folder = batch.stack.folder / "flink" / "savepoints"
    before = set(_names(folder))
    stop = Stop(batch)
    wait_for(lambda: set(_names(folder)) - before, "moment: no savepoint began", TIMEOUT_S, WATCH_S)
    batch.afterwards.callback(stop.follow)
    yield


class Stop:
    """A stop with a savepoint that has been asked for."""

    def __init__(self, batch: Batch) -> None:
        self._batch, self._request = batch, batch.job.begin_stop()

    def follow(self) -> None:
        """Wait for its outcome; a job that has stopped is started from its savepoint."""
        outcome = wait_for(
            lambda: self._batch.stop_outcome(self._request), "stop: it neither succeeds nor fails", TIMEOUT_S
        )
        if "location" in outcome:
            self._batch.bed.await_healthy()
            self._batch.submit(outcome["location"])


class FirstSinkPasses:
    """Of the sinks that commit together lets the first one pass, and wants those of the others kept back."""

    def __init__(self) -> None:
        self.passed = ""
        self._last = 0.0

    def __call__(self, request: Request) -> bool:
        end = wire.end_txn(request)
        if not end or not end.commit:
            return False
        together, self._last = time.monotonic() - self._last < QUIET_S, time.monotonic()
        if not together:
            self.passed = end.topic
        return end.topic != self.passed


def _is_commit(request: Request) -> bool:
    end = wire.end_txn(request)
    return end is not None and end.commit


def _takes_over(request: Request) -> bool:
    return request.api in (wire.INIT_PRODUCER_ID, wire.LIST_TRANSACTIONS)


def _await_begun(batch: Batch) -> None:
    folder = batch.checkpoints
    before = set(_names(folder))
    wait_for(lambda: set(_names(folder)) - before, "moment: no checkpoint began", TIMEOUT_S, WATCH_S)


def _await_completed(batch: Batch) -> None:
    folder = batch.checkpoints
    before = _completed(folder)
    wait_for(lambda: _completed(folder) - before, "moment: no checkpoint was completed", TIMEOUT_S, WATCH_S)


def _completed(folder: Path) -> set[str]:
    return {name for name in _names(folder) if (folder / name / METADATA).exists()}


def _names(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.startswith(("chk-", "savepoint-"))] if folder.exists() else []


Moment = Callable[[Batch, random.Random], AbstractContextManager[None]]
WAITS: dict[str, Moment] = {
    "inside-window": inside_window,
    "barrier": barrier,
    "pre-committed": pre_committed,
    "completed": completed,
    "between-commits": between_commits,
    "committed": committed,
    "restore": restore,
    "savepoint": savepoint,
}
