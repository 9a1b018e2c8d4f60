"""What Flink makes of the candle job: planned in a process of its own, not run."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass

import pytest

from deploy import paths
from schemas.resolutions import DEFAULT

pytestmark = pytest.mark.integration


STATEFUL = {
    "Source: trades": "1_trades",
    "fold": "1_fold",
    "merge": "1_merge",
    "WindowAggregate[6]": "6_window-aggregate",
    "WindowAggregate[11]": "11_window-aggregate",
    "WindowAggregate[16]": "16_window-aggregate",
    "WindowAggregate[21]": "21_window-aggregate",
    "WindowAggregate[26]": "26_window-aggregate",
    "candles_1s[3]: Writer": "3_sink",
    "candles_1m[8]: Writer": "8_sink",
    "candles_5m[13]: Writer": "13_sink",
    "candles_15m[18]: Writer": "18_sink",
    "candles_1h[23]: Writer": "23_sink",
    "candles_1d[28]: Writer": "28_sink",
    "rejected_trades[30]: Writer": "30_sink",
    "late_trades[32]: Writer": "32_sink",
}
"""Operators with state, by which savepoints know them. To change one is to lose its state in an upgrade."""


@dataclass(frozen=True)
class Planned:
    """The uids by operator, and EXPLAIN."""

    uids: dict[str, str]
    plan: str


@pytest.fixture(scope="module")
def planned() -> Planned:
    command = [sys.executable, "-m", "tests.jobs.planning"]
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
