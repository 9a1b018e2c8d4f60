"""What a job's processes and the broker cost, sampled from the operating system while it runs."""

import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import psutil

SAMPLE_EVERY_S = 0.1
NAMES = ("job", "jit", "broker", "machine")
COMPILER_THREADS = ("C1 Comp", "C2 Comp")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Meter:
    """CPU seconds of processes over time, sampled in a thread of its own: `job`, the share of its JIT compiler as
    `jit`, `broker`, and `machine` for everything that runs. A context manager.
    """

    def __init__(self, job: Sequence[psutil.Process], broker: psutil.Process) -> None:
        self._job, self._broker = job, broker
        self._used = dict.fromkeys([each.pid for each in job], 0.0)
        self._memory = dict.fromkeys([each.pid for each in job], 0)
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
        assert times[0] <= since, "the job was at work before it was measured"
        used = columns[NAMES.index(name)]
        return float(np.interp(until, times, used) - np.interp(since, times, used))

    @property
    def peak_memory_bytes(self) -> int:
        """The most resident memory that the processes of the job ever had, together."""
        return sum(self._memory.values())

    def _sample(self) -> None:
        while True:
            for process in self._job:
                self._look_at(process)
            used = (
                sum(self._used.values()),
                sum(self._compilers.values()),
                _cpu_seconds(self._broker),
                machine_cpu_s(),
            )
            self._samples.append([time.time(), *used])
            if self._stopped.wait(SAMPLE_EVERY_S):
                return

    def _look_at(self, process: psutil.Process) -> None:
        """One that has ended is remembered as it was."""
        with suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError, StopIteration):
            self._used[process.pid] = _cpu_seconds(process)
            self._memory[process.pid] = _peak_memory_bytes(process)
            for thread in Path(f"/proc/{process.pid}/task").iterdir():
                self._look_at_thread(thread)

    def _look_at_thread(self, thread: Path) -> None:
        """The compiler's threads come and go; what those that have ended took is remembered."""
        with suppress(FileNotFoundError, ProcessLookupError):
            name, _, rest = (thread / "stat").read_text().partition("(")[2].rpartition(")")
            if name.startswith(COMPILER_THREADS):
                self._compilers[thread] = sum(map(int, rest.split()[11:13])) / TICKS_PER_S


def _peak_memory_bytes(process: psutil.Process) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def machine_cpu_s() -> float:
    """CPU seconds that everything on this machine has taken since it started."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system)
