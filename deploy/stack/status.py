"""What each part of a stack is doing."""

import time
from dataclasses import dataclass

import psutil

from deploy.stack import health
from deploy.stack.ends import Ends, ends
from deploy.stack.ports import HOST
from deploy.stack.state import PARTS, Stack


@dataclass(frozen=True)
class PartStatus:
    """One part: `pid`, `memory_bytes` and `uptime_s` are those of a live process, or None."""

    part: str
    state: str
    address: str
    pid: int | None = None
    memory_bytes: int | None = None
    uptime_s: float | None = None
    ends: Ends | None = None
    """How it has ended since the stack was started."""

    @property
    def healthy(self) -> bool:
        """Whether it is up and answers."""
        return self.state == "healthy"


def status(stack: Stack) -> list[PartStatus]:
    """The state of every part, in the order of PARTS."""
    processes = stack.processes()
    return [_status(stack, part, processes.get(part)) for part in PARTS]


def memory_bytes(process: psutil.Process) -> int:
    """Resident memory of a process and its descendants, shared pages divided among their sharers where known."""
    return sum(_resident(member) for member in (process, *process.children(recursive=True)))


def _status(stack: Stack, part: str, process: psutil.Process | None) -> PartStatus:
    address, ended = _address(stack, part), ends(stack, part)
    if process is None:
        return PartStatus(part, "gave up" if ended and ended.gave_up else "down", address, ends=ended)
    try:
        memory, uptime_s = memory_bytes(process), time.time() - process.create_time()
    except psutil.NoSuchProcess:  # ended since it was listed
        return PartStatus(part, "down", address, ends=ended)
    state = "healthy" if health.healthy(stack, part) else "not answering"
    if ended and ended.loops:
        state = "crash loop"
    return PartStatus(part, state, address, process.pid, memory, uptime_s, ended)


def _address(stack: Stack, part: str) -> str:
    addresses = {
        "zookeeper": f"{HOST}:{stack.ports.zookeeper}",
        "kafka": stack.bootstrap_servers,
        "registry": stack.registry_url,
        "jobmanager": stack.flink_rest_url,
        "postgres": f"{HOST}:{stack.ports.postgres}",
        "redis": f"{HOST}:{stack.ports.redis}",
    }
    return addresses.get(part, "")


def _resident(process: psutil.Process) -> int:
    try:
        info = process.memory_full_info()
    except psutil.NoSuchProcess:
        return 0
    return int(getattr(info, "pss", info.rss))  # PSS is Linux's
