"""A job is stopped and goes on from its savepoint, as users do it: nothing is lost and nothing comes twice."""

from pathlib import Path

import pytest

from deploy.stack import Stack
from schemas import topics
from services.committed import CommittedReader
from tests.integration import stacks
from tests.integration.candle_job import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.thorough]

HEADER = "ts_event,symbol,trade_id,price,size\n"
BEFORE = "2026-01-05T14:30:00.1Z,ACME,1,10,1\n2026-01-05T14:30:00.2Z,ACME,2,11,1\n2026-01-05T14:30:10Z,ACME,3,12,1\n"
AFTER = "2026-01-05T14:30:10Z,ACME,3,12,1\n2026-01-05T14:30:10.5Z,ACME,4,13,2\n2026-01-05T14:30:30Z,ACME,5,14,1\n"
"""Trade 3 comes once more, when its second is still open and only the state knows it."""
ONE_S = topics.candles("1s")


@pytest.fixture
def running(stack_folder: Path) -> Stack:
    return stacks.up(stack_folder)


def committed(stack: Stack) -> list[tuple[int, int, int]]:
    """(second of the minute, trades, copies) of the committed seconds."""
    with CommittedReader(stack.kafka_client(), stack.registry_client(), {ONE_S: "candle"}) as reader:
        found = [each.record for each in reader.read_to_end(60)]
    return [(each["window_start"] // 10**9 % 60, each["trade_count"], each["duplicate_count"]) for each in found]


def test_a_stopped_job_goes_on_from_its_savepoint(running: Stack, stack_folder: Path, tmp_path: Path) -> None:
    def tickloom(*arguments: str) -> str:
        return stacks.tickloom(stack_folder, *arguments).stdout

    def replay(rows: str) -> None:
        (tmp_path / "trades.csv").write_text(HEADER + rows)
        tickloom("replay", str(tmp_path / "trades.csv"), "--speed=max")

    refused = stacks.tickloom(stack_folder, "stop", "candles", check=False)
    assert refused.returncode == 1
    assert "tickloom: no jobs named tickloom-candles run at" in refused.stderr

    tickloom("submit", "candles", "--partitions=1", "--parallelism=1")
    replay(BEFORE)
    wait_until(lambda: committed(running) == [(0, 2, 0)], "the first second is committed")
    path = tickloom("stop", "candles").splitlines()[-1]
    assert path in tickloom("savepoints", "candles")
    assert committed(running) == [(0, 2, 0)]

    tickloom("submit", "candles", "--from", path, "--parallelism=1")
    replay(AFTER)
    tickloom("stop", "candles", "--drain")
    assert committed(running) == [(0, 2, 0), (10, 2, 1), (30, 1, 0)]
