"""How large a cluster the candle job needs, from what `make bench-full` has measured (deploy/figures.toml)."""

import math
import tomllib
from dataclasses import dataclass
from functools import cache

from deploy import paths

BUSY = 0.5
"""The share of its CPUs that a job may need at its peak: the other half catches up after an outage."""
SLOTS_PER_TASKMANAGER = 8
REPLICATION = 3
DAY_S = 86_400
MIB, GIB, TIB = 1 << 20, 1 << 30, 1 << 40


@dataclass(frozen=True)
class Figures:
    """What was measured: see the file."""

    trades_per_cpu_s: dict[str, int]
    broker_cpu_us_per_trade: float
    bytes_per_trade: int
    taskmanager_mib: int
    symbols_per_taskmanager: int

    def trades_per_cpu(self, symbols: int) -> int:
        """Trades a CPU second with so many symbols: the figure of the next larger number that was measured."""
        measured = sorted((int(count), rate) for count, rate in self.trades_per_cpu_s.items())
        return next((rate for count, rate in measured if symbols <= count), measured[-1][1])


@dataclass(frozen=True)
class Size:
    """A cluster."""

    cores: int
    slots: int
    taskmanagers: int
    taskmanager_mib: int
    partitions: int
    broker_cores: int
    network_mib_s: float
    disk_tib_a_day: float


@cache
def figures() -> Figures:
    """Those of this version."""
    return Figures(**tomllib.loads((paths.ROOT / "deploy" / "figures.toml").read_text()))


def size(trades_per_second: int, symbols: int, measured: Figures) -> Size:
    """What takes so many trades a second, at the peak, of so many symbols."""
    slots = math.ceil(trades_per_second / (measured.trades_per_cpu(symbols) * BUSY))
    taskmanagers = max(math.ceil(slots / SLOTS_PER_TASKMANAGER), math.ceil(symbols / measured.symbols_per_taskmanager))
    bytes_a_second = trades_per_second * measured.bytes_per_trade
    return Size(
        cores=slots,
        slots=slots,
        taskmanagers=taskmanagers,
        taskmanager_mib=measured.taskmanager_mib,
        partitions=2 ** math.ceil(math.log2(2 * slots)),
        broker_cores=math.ceil(trades_per_second * measured.broker_cpu_us_per_trade / 1e6 * REPLICATION / BUSY),
        network_mib_s=bytes_a_second / MIB,
        disk_tib_a_day=bytes_a_second * DAY_S * REPLICATION / TIB,
    )
