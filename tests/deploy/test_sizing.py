"""The size of a cluster follows from what was measured."""

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from deploy import paths
from deploy.cli import cli
from deploy.sizing import BUSY, SLOTS_PER_TASKMANAGER, Figures, figures, size

MEASURED = Figures(
    trades_per_cpu_s={"500": 1_000_000, "100000": 400_000},
    broker_cpu_us_per_trade=0.5,
    bytes_per_trade=100,
    taskmanager_mib=2_048,
    symbols_per_taskmanager=100_000,
)


def test_a_million_trades_a_second_in_numbers_that_can_be_followed() -> None:
    found = size(1_000_000, 500, MEASURED)
    assert (found.cores, found.slots, found.taskmanagers, found.partitions) == (2, 2, 1, 4)
    assert found.broker_cores == 3  # half a core, three times, half busy
    assert found.network_mib_s == pytest.approx(95.4, abs=0.1)
    assert found.disk_tib_a_day == pytest.approx(23.6, abs=0.1)


def test_more_symbols_than_were_measured_cost_as_many_as_were_and_memory_for_all() -> None:
    found = size(1_000_000, 250_000, MEASURED)
    assert (found.cores, found.taskmanagers) == (5, 3)


@given(st.integers(1, 10**8), st.integers(1, 10**6))
def test_every_cluster_has_room_for_what_it_was_asked_for(trades: int, symbols: int) -> None:
    found, rate = size(trades, symbols, figures()), figures().trades_per_cpu(symbols)
    assert trades <= found.cores * rate * BUSY < trades + rate
    assert found.slots <= found.taskmanagers * SLOTS_PER_TASKMANAGER
    assert found.slots * 2 <= found.partitions < found.slots * 4
    assert symbols <= found.taskmanagers * figures().symbols_per_taskmanager


@pytest.mark.parametrize("trades", [1_000_000, 10_000_000])
def test_the_readme_shows_what_the_command_says(trades: int) -> None:
    found = size(trades, 10_000, figures())
    cells = (
        f"{trades:,}",
        f"{found.slots:,}",
        f"{found.taskmanagers:,} of {found.taskmanager_mib:,} MiB",
        f"{found.partitions:,}",
        f"{found.broker_cores:,}",
        f"{found.network_mib_s:,.0f} MiB/s",
        f"{found.disk_tib_a_day:,.2f} TiB",
    )
    assert f"| {' | '.join(cells)} |" in (paths.ROOT / "README.md").read_text().splitlines()


def test_the_command_says_what_is_needed_of_everything() -> None:
    result = CliRunner().invoke(cli, ["size", "--events-per-second", "10000000", "--symbols", "10000"])
    assert result.exit_code == 0
    named = [line.split()[0] for line in result.output.splitlines()]
    assert named == ["Flink", "TaskManagers", "parallelism", "partitions", "brokers", "network", "disk"]
