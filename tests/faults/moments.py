"""The moments: each waits until it has come, and lasts as long as its context.

A checkpoint is seen in its folder: the JobManager makes it before it tells the tasks, and adds the metadata when all
have answered. Transactions are seen, and held up, in the proxy.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Thread

from deploy import savepoints
from deploy.errors import UserError
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
STOP_TIMEOUT_S = 120
"""A JobManager that was lost is back by then, and has recovered the job."""
RUNS_ON = "which runs on"
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
    _await_commit(batch)
    seen, commits = 0, batch.proxy.commits
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
    before = set(_names(batch.savepoints))
    stop = Stop(batch)
    wait_for(lambda: set(_names(batch.savepoints)) - before, "moment: no savepoint began", TIMEOUT_S, WATCH_S)
    batch.afterwards.callback(stop.follow)
    yield


@contextmanager
def stopped(batch: Batch, _dice: random.Random) -> Iterator[None]:
    """The savepoint of a stop is written, and all requests to commit that come then are kept back."""
    _await_commit(batch)  # a job that has just begun has nothing to commit yet
    before = _completed(batch.savepoints)

    def is_of_savepoint(request: Request) -> bool:
        return _is_commit(request) and bool(_completed(batch.savepoints) - before)

    with batch.proxy.keep_back(is_of_savepoint) as hold:
        stop = Stop(batch)
        if not hold.reached.wait(TIMEOUT_S):
            raise UnsettledError(f"moment: no transaction of a savepoint was to be committed after {TIMEOUT_S} s")
        batch.afterwards.callback(stop.follow)
        yield


class Stop:
    """A stop with a savepoint, as `tickloom stop` does it, in a thread of its own."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._outcome: Future[savepoints.Stopped] = Future()
        Thread(target=self._stop, name="stop", daemon=True).start()

    def follow(self) -> None:
        """Wait for its outcome; a job that has a savepoint is started from it, any other must run on."""
        try:
            stopped = self._outcome.result(shared(STOP_TIMEOUT_S))
        except UserError as error:
            if RUNS_ON not in str(error):
                raise
            return
        self._batch.bed.await_healthy()
        self._batch.submit(stopped.path)

    def _stop(self) -> None:
        address, prefix = self._batch.stack.flink_address, self._batch.settings.transactional_id_prefix
        try:
            self._outcome.set_result(savepoints.stop("candles", address, prefix, drain=False))
        except BaseException as error:
            self._outcome.set_exception(error)


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


def _await_commit(batch: Batch) -> None:
    commits = batch.proxy.commits
    before = len(commits)
    wait_for(lambda: len(commits) > before, "moment: nothing was committed", TIMEOUT_S, WATCH_S)


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
    "stopped": stopped,
}
