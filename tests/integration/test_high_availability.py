"""SIGKILL to the JobManager, and to all of its cluster, in the middle of a replay; and a job that keeps failing."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Self

import pytest

from deploy import jobs
from deploy.job_status import JobStatus, job_statuses
from deploy.stack import Stack
from tests.integration import stacks
from tests.integration.candle_job import CandleJob, Feed, settings, wait_until
from tests.integration.candle_output import Output
from tests.integration.test_candles_kill import TRADES, Replay, broken, drawn_tape
from tests.integration.test_stack import shared

pytestmark = pytest.mark.integration

RATE_HZ = 1_000
KILLS = [("jobmanager",), ("jobmanager", "taskmanager")]
"""What is killed, each time in the middle of a part of the tape."""
PART = TRADES // len(KILLS)
SENT, NEARLY_ALL = 3_000, 9_000
"""Trades of a part that are sent before the kill, and its candles that are committed once the job goes on."""
PATIENT = {"restart_allowance": "150s", "transaction_timeout": "180s", "idle_timeout": "10min"}
"""On a busy machine a JobManager that recovers jobs may give up once, and start anew. What is sent after such a while
would be late where a partition has come to count as idle."""
READ_TIMEOUT_S = 120
RECOVERY_BOUND_S = 30
DRAIN_TIMEOUT_S = 60
FAILING_TIMEOUT_S = 90


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of the module's own: other tests would not like to be on it."""
    folder = tmp_path_factory.mktemp("killed")
    try:
        yield stacks.up(folder)
    finally:
        stacks.down(folder)


class Life:
    """A job on a feed of its own, and what a reader of committed records sees of it, and when."""

    def __init__(self, stack: Stack, file: str) -> None:
        self._feed = Feed(stack)
        self.tape = drawn_tape(self._feed)
        self.arrivals: list[float] = []
        self._stack, self._file, self._opened = stack, file, ExitStack()

    def __enter__(self) -> Self:
        self._settings = settings(self._stack, self._feed, **PATIENT)
        submitted = CandleJob.submit(self._stack, self._settings, restart=True, file=self._file)
        self._job = self._opened.enter_context(submitted)
        self.output = self._opened.enter_context(Output(self._stack, self._settings, self._feed))
        return self

    def __exit__(self, *raised: Any) -> None:
        self._replay.join()
        self._opened.__exit__(*raised)

    def start(self, part: int) -> None:
        """Begin to send a part of the tape."""
        self._replay = Replay(self._feed, self.tape[part * PART : (part + 1) * PART], RATE_HZ)
        self._replay.start()

    @property
    def sent(self) -> int:
        """Trades that were sent so far."""
        return sum(self._feed.ends.values())

    def poll(self) -> None:
        """Take in what is committed, for a moment."""
        moment = time.monotonic() + 0.25
        while time.monotonic() < moment:
            before = len(self.output.candles)
            self.output.poll(0.05)
            if len(self.output.candles) > before:
                self.arrivals.append(time.monotonic())

    def drain(self) -> None:
        """Have the job read and commit everything, close its windows and end; then read what is committed."""
        self._replay.join()
        address = self._stack.flink_rest_url.removeprefix("http://")
        jobs.await_read(self._settings, self._feed.ends, DRAIN_TIMEOUT_S)
        jobs.drain(self._job.id, address, DRAIN_TIMEOUT_S)
        self.output.read_to_end()

    def recovery_s(self, killed: float, until: float) -> float:
        """Seconds from a kill to the end of the longest silence after it."""
        times = [killed, *(each for each in self.arrivals if killed < each < until)]
        silences = [(later - earlier, later) for earlier, later in pairwise(times)]
        return max(silences)[1] - killed


@dataclass
class Survived:
    """Two lives through the same kills, and when those were (monotonic seconds)."""

    exact: Life
    loose: Life
    kills: list[float] = field(default_factory=list)

    def follow(self, stack: Stack) -> None:
        """Read what both commit, and kill in between; then have both end."""
        for part, killed in enumerate(KILLS):
            for each in (self.exact, self.loose):
                each.start(part)
            self._read(lambda: self.exact.sent, part * PART + SENT)
            self.kills.append(time.monotonic())
            kill(stack, *killed)
            self._read(lambda: len(self.exact.output.candles), part * PART + NEARLY_ALL)
        for each in (self.exact, self.loose):
            each.drain()

    def _read(self, count: Callable[[], int], due: int) -> None:
        deadline = time.monotonic() + READ_TIMEOUT_S
        while count() < due:
            assert time.monotonic() < deadline, f"{self.exact.sent} were sent: {self.exact.output.counts()}"
            self.exact.poll()
            self.loose.poll()

    def recoveries_s(self) -> list[float]:
        """How long it took after each kill until candles were committed again."""
        ends = [*self.kills[1:], float("inf")]
        return [self.exact.recovery_s(kill, end) for kill, end in zip(self.kills, ends, strict=True)]


def kill(stack: Stack, *parts: str) -> None:
    pids = stack.pids
    for part in parts:
        os.kill(pids[part], signal.SIGKILL)


@pytest.fixture(scope="module")
def survived(own: Stack) -> Iterator[Survived]:
    """One job that commits exactly once, and beside it one that does not, to see that it would be noticed."""
    with Life(own, "jobs/candles.py") as exact, Life(own, "tests/jobs/at_least_once.py") as loose:
        run = Survived(exact, loose)
        run.follow(own)
        yield run


@pytest.mark.thorough
def test_jobs_go_on_exactly_once_after_their_jobmanager_and_then_all_of_their_cluster_is_killed(
    survived: Survived,
) -> None:
    assert len(survived.kills) == len(KILLS)
    assert broken(survived.exact.tape, survived.exact.output) == []


@pytest.mark.thorough
def test_the_invariants_catch_a_job_that_goes_on_but_not_exactly_once(survived: Survived) -> None:
    invariants = [each.partition(":")[0] for each in broken(survived.loose.tape, survived.loose.output)]
    assert invariants[:2] == ["uniqueness", "conservation"]


@pytest.mark.thorough
def test_candles_are_committed_again_within_the_bound(survived: Survived) -> None:
    recoveries = survived.recoveries_s()
    print("recovered after", ", ".join(f"{each:.1f} s" for each in recoveries))
    assert max(recoveries) < shared(RECOVERY_BOUND_S)


@pytest.mark.thorough
def test_status_says_why_a_job_fails_again_and_again(own: Stack) -> None:
    address = own.flink_rest_url.removeprefix("http://")

    def poisoned() -> JobStatus | None:
        return next((each for each in job_statuses(address) if each.name == "poisoned"), None)

    chosen = settings(own, Feed(own), parallelism=1)
    with CandleJob.launch(own, chosen, restart=True, file="tests/jobs/poisoned.py"):
        wait_until(lambda: bool((job := poisoned()) and (job.restarts or 0) >= 2), "restarts", FAILING_TIMEOUT_S)
        shown = stacks.tickloom(own.folder, "status").stdout.splitlines()
    (row,) = [number for number, line in enumerate(shown) if line.startswith("poisoned ")]
    state, restarts = shown[row].split()[1:3]
    assert state in ("RUNNING", "RESTARTING")
    assert int(restarts) >= 2
    failed, _, cause = shown[row + 1].partition(" UTC: ")
    assert failed.startswith("  failed at ")
    assert cause == "LookupError: row 3: no calendar"
