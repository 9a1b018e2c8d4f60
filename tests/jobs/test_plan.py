"""What Flink makes of the candle job: planned in a process of its own, not run."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from deploy import paths
from jobs.plans import Difference, Operator, difference
from schemas.resolutions import DEFAULT

pytestmark = pytest.mark.integration


SOURCE = 55357358
WINDOWS = {"1 min": 55561294, "5 min": 56544723, "15 min": 6336802, "1 h": 97571353, "1 d": 95390135}
SINKS = {
    "candles_1s": 68518727,
    "candles_1m": 23090794,
    "candles_5m": 22830183,
    "candles_15m": 24045374,
    "candles_1h": 72874142,
    "candles_1d": 13248073,
    "rejected_trades": 12068553,
    "late_trades": 12224519,
}
STATEFUL = {
    "Source: trades": f"{SOURCE}_trades",
    "fold": f"{SOURCE}_fold",
    "merge": f"{SOURCE}_merge",
    **{f"WindowAggregate[{number}]": f"{number}_window-aggregate" for number in WINDOWS.values()},
    **{f"{table}[{number}]: Writer": f"{number}_sink" for table, number in SINKS.items()},
}
"""Operators with state, by which savepoints know them. To change one is to lose its state in an upgrade."""
FULL, NO_DAYS, NO_MINUTES = "1s,1m,5m,15m,1h,1d", "1s,1m,5m,15m,30m,1h", "1s,5m,15m,1h,1d"


@dataclass(frozen=True)
class Planned:
    """The uids by operator, EXPLAIN, and the operators with state by resolutions."""

    uids: dict[str, str]
    plan: str
    operators: dict[str, list[dict[str, Any]]]

    def difference(self, old: str, new: str) -> Difference:
        """What becomes of the state when the resolutions change."""
        before, after = ([Operator.from_dict(each) for each in self.operators[name]] for name in (old, new))
        return difference(before, after)


@pytest.fixture(scope="module")
def planned() -> Planned:
    command = [sys.executable, "-m", "tests.jobs.planning", FULL, NO_DAYS, NO_MINUTES]
    result = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, timeout=180, check=False)
    assert result.returncode == 0, result.stderr
    return Planned(**json.loads(result.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def executed(planned: Planned) -> str:
    _, _, execution = planned.plan.partition("== Optimized Execution Plan ==")
    assert execution
    return execution


def test_all_branches_share_one_scan_of_the_trades(executed: str) -> None:
    assert executed.count("TableSourceScan(") == 1


def test_each_window_is_computed_once(executed: str) -> None:
    sizes = re.findall(r"WindowAggregate\(.*?size=\[(\d+ \w+)\]", executed)
    assert sizes == ["1 min", "5 min", "15 min", "1 h", "1 d"]
    assert executed.count("Sink(") == len(DEFAULT) + 2


def test_windows_keep_no_local_phase_behind_the_folded_source(executed: str) -> None:
    assert "LocalWindowAggregate" not in executed


def test_every_operator_has_a_uid_of_its_own(planned: Planned) -> None:
    uids = list(planned.uids.values())
    assert len(uids) > 30
    assert "None" not in uids
    assert len(set(uids)) == len(uids)


def test_operators_with_state_keep_the_uids_that_savepoints_know(planned: Planned) -> None:
    known = {name: uid for name, uid in planned.uids.items() if name in STATEFUL}
    assert known == STATEFUL
    stateful = ("Source", "fold", "merge", "Aggregate", "Writer")
    assert {name for name in planned.uids if any(word in name for word in stateful)} == STATEFUL.keys()


def test_another_set_of_resolutions_finds_the_state_of_those_that_stay(planned: Planned) -> None:
    found = planned.difference(FULL, NO_DAYS)
    assert found.new == ("tumbling PT30M", "sink candles_30m")
    assert found.dropped == ("tumbling PT24H", "sink candles_1d")
    assert found.refused == ()


def test_a_resolution_that_others_are_made_of_cannot_be_taken_away(planned: Planned) -> None:
    lost = "tumbling PT1M would be dropped with rows that tumbling PT5M has not seen yet"
    assert planned.difference(FULL, NO_MINUTES).refused == (lost,)
