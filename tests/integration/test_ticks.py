"""The connector gives jobs that need every trade a row a tick."""

import csv
from pathlib import Path

import pytest

from deploy import paths
from jobs.settings import Settings
from tests.integration import submitter

pytestmark = pytest.mark.integration

TRADES = """\
ts_event,symbol,price,size,conditions
1385337600000000000,ACME,101.5,3,I T
1385337600500000000,ACME,0,1,
1385337600250000000,EMCA,99.000000000001,1,
"""


def test_ticks_are_the_valid_trades_with_their_place_time_and_conditions(tmp_path: Path) -> None:
    (tmp_path / "trades.csv").write_text(TRADES)
    arguments = tmp_path / "trades.csv", tmp_path / "out"
    submitter.run(paths.ROOT / "tests/jobs/ticks.py", arguments, Settings(parallelism=1))

    parts = sorted((tmp_path / "out").glob("part-*"))
    rows = sorted(row for part in parts for row in csv.reader(part.read_text().splitlines()))
    assert rows == [
        ["2", "ACME", "101.500000000000", "I+T", "2013-11-25 00:00:00.000"],
        ["4", "EMCA", "99.000000000001", "", "2013-11-25 00:00:00.250"],
    ]
