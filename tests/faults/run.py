"""A run: one fault at one moment, the recovery from it, and what the books say then."""

import random
import time
from contextlib import ExitStack
from datetime import UTC, datetime

import psutil

from deploy.errors import UserError
from tests.faults.bed import Batch, wait_for
from tests.faults.cells import FAULTS, Cell
from tests.faults.faults import INJECTIONS
from tests.faults.moments import WAITS
from tests.faults.results import DRAIN, Result

POLL_S = 0.5
"""A question to the cluster takes its share of a processor; when a checkpoint was completed is in the answer."""
PROBLEMS = (AssertionError, UserError)
RESUME_S_MAX = 60
"""Longest time from the stop of a job to the first checkpoint of the one that goes on from its savepoint."""


def run(batch: Batch, cell: Cell, seed: int) -> Result:
    """Let a fault happen. A seed stands for the draws of the harness; the machine has its own."""
    try:
        recovery_s = _happen(batch, cell, random.Random(f"{cell} {seed}"))
        violations = batch.settle(batch.feeder.time_ns)
        batch.bed.await_healthy()
    except PROBLEMS as error:
        recovery_s, violations = None, batch.verdict([f"{_line(error)} ({batch.situation()})"])
    return _result(cell, seed, recovery_s, violations)


def drain(batch: Batch, seed: int) -> Result:
    """End a batch and check everything once more."""
    try:
        violations = batch.drain()
    except PROBLEMS as error:
        violations = batch.verdict([_line(error)])
    return _result(DRAIN, seed, None, violations)


def _happen(batch: Batch, cell: Cell, dice: random.Random) -> float | None:
    """Wait for the moment, the fault and the recovery; returns its seconds."""
    job = batch.job.id
    with ExitStack() as batch.afterwards, ExitStack() as end, WAITS[cell.moment](batch, dice):
        injected_ms = time.time() * 1_000
        INJECTIONS[cell.fault](batch, dice, end)
    resumed = batch.job.id != job
    completed_ms = wait_for(
        lambda: batch.first_checkpoint_since(injected_ms),
        "recovery: no checkpoint is completed",
        RESUME_S_MAX if resumed else FAULTS[cell.fault].recovery_s_max,
        POLL_S,
    )
    return None if resumed else round((completed_ms - injected_ms) / 1_000, 2)


def _line(error: Exception) -> str:
    """The last line: that of the cause, where a job could not be started."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]


def _result(cell: Cell, seed: int, recovery_s: float | None, violations: list[str]) -> Result:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    load = round(psutil.getloadavg()[0] / (psutil.cpu_count() or 1), 1)
    return Result(at, cell.moment, cell.fault, seed, recovery_s, load, violations)
