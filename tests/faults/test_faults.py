"""A few cells of the matrix on a real stack, and broken rules that the harness must catch there."""

import random
import time
from collections.abc import Iterator

import pytest

from deploy.audit import Report, Scope, audit
from tests.faults import bed
from tests.faults.bed import Batch, Bed, UnsettledError
from tests.faults.cells import Cell
from tests.faults.feed import SYMBOLS
from tests.faults.moments import completed
from tests.faults.run import drain, run

pytestmark = pytest.mark.integration

SMOKE = (
    "inside-window/kill-broker",
    "pre-committed/kill-taskmanager",
    "completed/half-close",
    "between-commits/kill-taskmanager",
    "restore/reset",
    "savepoint/poison",
)
"""Every way to inject, at six moments."""
FURTHER = (
    "barrier/kill-taskmanager",
    "committed/kill-taskmanager",
    "completed/kill-broker",
    "between-commits/kill-broker",
    "restore/kill-taskmanager",
    "savepoint/kill-taskmanager",
    "stopped/kill-taskmanager",
    "completed/kill-jobmanager",
    "stopped/kill-jobmanager",
    "pre-committed/kill-jobmanager",
    "between-commits/kill-both",
    "restore/kill-registry",
    "restore/freeze-registry",
    "barrier/freeze-taskmanager",
    "committed/poison",
    "pre-committed/full-broker",
    "between-commits/reset",
    "pre-committed/delay",
    "barrier/jump-within",
    "inside-window/jump-beyond",
)
"""With the others every moment at least twice, and every fault but a full disk for checkpoints."""
THOROUGH = (pytest.param(Cell.parse(text), marks=pytest.mark.thorough) for text in FURTHER)
CELLS = [*map(Cell.parse, SMOKE), *THOROUGH]
AT_LEAST_ONCE = "tests/jobs/at_least_once.py"
KILL = Cell.parse("inside-window/kill-taskmanager")
KILLS_MAX = 5
SHORT = {"transaction_timeout": "10s", "restart_allowance": "5s"}
TIMED_OUT_S = 22
"""The time-out, and the longest that the broker takes to see it."""
NOTICED_S = 10


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    with bed.made(tmp_path_factory.mktemp("faults")) as found:
        yield found


@pytest.fixture(scope="module")
def batch(made: Bed) -> Iterator[Batch]:
    with Batch(made, seed=2013) as running:
        yield running


def test_no_run_waits_for_the_back_off_of_those_before_it(batch: Batch) -> None:
    """The cluster's strategy, but for how soon a job counts as calm."""
    strategy = batch.job.get("/config")["execution-config"]["restart-strategy"]
    assert "starting at PT0.5S" in strategy
    assert "with maximum PT10S. Delay resets after PT1S" in strategy


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_every_invariant_holds_after(cell: Cell, batch: Batch) -> None:
    assert run(batch, cell, 0).violations == []


def test_every_invariant_holds_when_all_is_drained(batch: Batch) -> None:
    assert drain(batch, 0).violations == []


@pytest.mark.thorough
def test_sinks_that_are_only_at_least_once_are_caught(made: Bed) -> None:
    with Batch(made, seed=1, file=AT_LEAST_ONCE) as running:
        found = (violation for seed in range(KILLS_MAX) for violation in run(running, KILL, seed).violations)
        assert next(found, "nothing").startswith("uniqueness")


@pytest.mark.thorough
def test_what_a_transaction_timeout_shorter_than_an_outage_loses_is_caught(made: Bed) -> None:
    with Batch(made, seed=2, **SHORT) as running:
        with completed(running, random.Random(0)):
            time.sleep(TIMED_OUT_S)
        with pytest.raises(UnsettledError, match="conservation"):
            running.drain(NOTICED_S)
        assert any(line.startswith("discarded transaction") for line in running.verdict([]))
        report = audited(running)
        assert {"missing"} <= {finding.kind for finding in report.findings}


def audited(batch: Batch) -> Report:
    symbols = frozenset(batch.feed.symbol(str(number)) for number in range(SYMBOLS))
    return audit(batch.settings, Scope(symbols=symbols), lambda _: None)
