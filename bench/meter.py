"""What the TaskManager and the broker cost, sampled from the operating system while a job runs."""

import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import psutil

SAMPLE_EVERY_S = 0.1
NAMES = ("taskmanager", "jit", "broker", "machine")
COMPILER_THREADS = ("C1 Comp", "C2 Comp")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Meter:
    """CPU seconds of processes over time, sampled in a thread of its own: `taskmanager`, the share of its JIT compiler
    as `jit`, `broker`, and `machine` for everything that runs. A context manager.
    """

    def __init__(self, task_manager: psutil.Process, broker: psutil.Process) -> None:
        self._task_manager, self._broker = task_manager, broker
        self._compilers: dict[Path, float] = {}
        self._samples: list[list[float]] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()

    def cpu_seconds(self, name: str, since: float, until: float) -> float:
        """CPU seconds between two instants (Unix seconds)."""
        times, *columns = np.array(self._samples).T
        used = columns[NAMES.index(name)]
        return float(np.interp(until, times, used) - np.interp(since, times, used))

    def _sample(self) -> None:
        while True:
            used = (_cpu_seconds(self._task_manager), self._jit(), _cpu_seconds(self._broker), _machine_cpu_seconds())
            self._samples.append([time.time(), *used])
            if self._stopped.wait(SAMPLE_EVERY_S):
                return

    def _jit(self) -> float:
        """The compiler's threads come and go; what those that have ended took is remembered."""
        for thread in Path(f"/proc/{self._task_manager.pid}/task").iterdir():
            try:
                name, _, rest = (thread / "stat").read_text().partition("(")[2].rpartition(")")
            except (FileNotFoundError, ProcessLookupError):  # ended since it was listed
                continue
            if name.startswith(COMPILER_THREADS):
                self._compilers[thread] = sum(map(int, rest.split()[11:13])) / TICKS_PER_S
        return sum(self._compilers.values())


def peak_memory_bytes(process: psutil.Process) -> int:
    """The most resident memory the process ever had."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _machine_cpu_seconds() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system)
