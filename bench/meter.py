"""What the TaskManager and the broker cost, sampled from the operating system while a job runs."""

import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import psutil

SAMPLE_EVERY_S = 0.1


class Meter:
    """CPU seconds of some processes over time; a context manager that samples in a thread of its own."""

    def __init__(self, processes: dict[str, psutil.Process]) -> None:
        self._processes = processes
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
        """CPU seconds of a process between two instants (Unix seconds); `machine` is everything that runs on it."""
        times, *columns = np.array(self._samples).T
        used = columns[[*self._processes, "machine"].index(name)]
        return float(np.interp(until, times, used) - np.interp(since, times, used))

    def _sample(self) -> None:
        while True:
            self._samples.append([time.time(), *map(_cpu_seconds, self._processes.values()), _machine_cpu_seconds()])
            if self._stopped.wait(SAMPLE_EVERY_S):
                return


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
