"""No history of crashes violates an invariant, and every rule of the protocol that is broken is caught."""

import os
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context

import pytest
from click.testing import CliRunner

from tests.faults.model.__main__ import main
from tests.faults.model.cluster import Parts
from tests.faults.model.controls import CONTROLS
from tests.faults.model.history import History, Watch, violation
from tests.faults.model.transaction_log import ViolationError

HISTORIES = 100_000 if "CI" in os.environ else 10_000
AT_ONCE = 1_000
"""Histories that a process runs before it reports."""
CONTROL_HISTORIES = 1_000
"""So many are enough to catch the rarest."""

CAUGHT_BY = {
    "at-least-once sink": {"uniqueness", "whole transactions"},
    "reader of uncommitted data": {"uniqueness"},
    "commit before the checkpoint completes": {"uniqueness"},
    "pre-commit without a flush": {"conservation", "agreement of the sinks"},
    "time-out shorter than the outage": {"conservation"},
    "pending transactions not committed again": {"conservation"},
    "open transactions not aborted": {"last stable offset"},
    "commit by id without epoch": {"uniqueness"},
    "one dropped candle": {"conservation", "agreement of the sinks", "revisions"},
    "one doubled candle": {"uniqueness"},
    "late trades left out": {"equality", "agreement of the sinks"},
    "barriers not aligned": {"conservation", "uniqueness"},
    "watermark not restored": {"uniqueness"},
    "watermark jumps": {"watermark"},
    "offsets not restored": {"conservation", "uniqueness"},
    "savepoint forgotten": {"conservation", "uniqueness"},
}
"""Which invariants notice which broken rule; others may as well."""


def violations(seeds: range) -> list[str]:
    """What the histories of these seeds violate, with the commands that show them."""
    found = {seed: violation(seed, Parts()) for seed in seeds}
    return [f"{what} (python -m tests.faults.model {seed})" for seed, what in found.items() if what]


@pytest.mark.integration  # needs no stack, but all cores for most of a minute
def test_every_invariant_holds_in_every_history() -> None:
    batches = [range(first, first + AT_ONCE) for first in range(0, HISTORIES, AT_ONCE)]
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        found = [line for lines in pool.map(violations, batches) for line in lines]
    assert not found, "\n".join(found[:10])


@pytest.mark.parametrize("control", CONTROLS)
def test_a_broken_rule_is_caught(control: str) -> None:
    missing = set(CAUGHT_BY[control])
    for seed in range(CONTROL_HISTORIES):
        missing.discard(str(violation(seed, CONTROLS[control])).partition(":")[0])
        if not missing:
            return
    pytest.fail(f"{control}: {missing} should not hold in {CONTROL_HISTORIES} histories, but did")


def test_a_reader_of_committed_data_notices_exactly_the_transactions_that_a_short_time_out_has_lost() -> None:
    losses = 0
    for seed in range(3_000):
        history = History(seed, CONTROLS["time-out shorter than the outage"])
        noticed = False
        try:
            history.run()
        except ViolationError as violated:
            noticed = not str(violated).startswith("lost")
        lost = any(log.lost for log in history.logs)
        assert noticed == lost, f"seed {seed}"
        losses += lost
    assert losses


def test_every_crash_comes_after_every_step() -> None:
    seen = set[tuple[str, str, str]]()
    for seed in range(2_000):
        steps: list[tuple[str, str]] = []
        violation(seed, Parts(), kinds_into(steps))
        seen |= {(*step, crash) for step, (crash, _) in pairwise(steps)}
    assert seen >= {(name, what, crash) for name, what in STEPS for crash in CRASHES}


def kinds_into(steps: list[tuple[str, str]]) -> Watch:
    """Notes what is done to which kind of message."""
    return lambda _, name, what: steps.append((name, type(what).__name__))


CRASHES = ("crash_tasks", "crash_coordinator", "crash_broker")
STEPS = (
    ("reads", "Record"),
    ("starts", "int"),
    ("processes", "tuple"),  # a record
    ("processes", "int"),  # a barrier
    ("writes", "str"),  # nothing yet: it begins
    ("writes", "Transaction"),  # nothing yet: it aborts what lingers
    ("writes", "Row"),
    ("writes", "int"),  # a barrier: it pre-commits
    ("hears", "tuple"),
    ("completes", "int"),
    ("is notified of", "int"),
    ("commits", "Request"),
    ("marks the end of", "Transaction"),
    ("reads up to", "int"),
)


def test_the_command_shows_the_history_of_a_seed_again_and_again() -> None:
    once, again, other = (CliRunner().invoke(main, [seed]).output for seed in ("7", "7", "8"))
    assert once.splitlines()[0].startswith("   1 ")
    assert once.splitlines()[-1] == "seed 7 violates nothing"
    assert once == again != other


def test_the_command_shows_what_a_broken_rule_does() -> None:
    run = CliRunner().invoke(main, ["7", "--control", "one doubled candle"])
    assert run.exit_code == 1
    assert "seed 7 violates uniqueness: Row(" in run.output
