"""The faults: each happens to a batch at once; what ends it is left to a stack that is closed after the moment."""

import os
import random
import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from tests.faults.bed import Batch
from tests.faults.feed import BEYOND_NS, WITHIN_NS

FROZEN_S = 18
"""More than `heartbeat.timeout` of flink-conf/local."""
DELAY_S = 0.3
DELAYED_S = 4
FULL_S = 4
SILENT_S = 8


Injection = Callable[[Batch, random.Random, ExitStack], None]


def kill(*parts: str) -> Injection:
    """SIGKILL to parts of the stack."""

    def inject(batch: Batch, _dice: random.Random, _end: ExitStack) -> None:
        pids = batch.stack.pids
        for part in parts:
            os.kill(pids[part], signal.SIGKILL)

    return inject


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """A process that does nothing for the time of the context, and may be killed in it."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def freeze(part: str, seconds: float) -> Injection:
    """SIGSTOP to a part of the stack for so long, and up to a second more."""

    def inject(batch: Batch, dice: random.Random, end: ExitStack) -> None:
        end.enter_context(frozen(batch.stack.pids[part]))
        _lasting(seconds + dice.random(), end)

    return inject


@contextmanager
def full_disk(pid: int) -> Iterator[None]:
    """A process whose files cannot grow for the time of the context, which it may not survive."""
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


def fill(*parts: str) -> Injection:
    """No room for what parts of the stack write, for seconds."""

    def inject(batch: Batch, _dice: random.Random, end: ExitStack) -> None:
        pids = batch.stack.pids
        for part in parts:
            end.enter_context(full_disk(pids[part]))
        _lasting(FULL_S, end)

    return inject


def delay(batch: Batch, _dice: random.Random, end: ExitStack) -> None:
    """Slow frames for seconds."""
    batch.proxy.delay_s = DELAY_S
    end.callback(setattr, batch.proxy, "delay_s", 0.0)
    _lasting(DELAYED_S, end)


def asked(ask: Callable[[Batch], None]) -> Injection:
    """What proxy or feed do when they are asked."""
    return lambda batch, _dice, _end: ask(batch)


def _lasting(seconds: float, end: ExitStack) -> None:
    over = time.monotonic() + seconds
    end.callback(lambda: time.sleep(max(0.0, over - time.monotonic())))


INJECTIONS: dict[str, Injection] = {
    "kill-taskmanager": kill("taskmanager"),
    "kill-broker": kill("kafka"),
    "kill-registry": kill("registry"),
    "freeze-taskmanager": freeze("taskmanager", FROZEN_S),
    "freeze-registry": freeze("registry", SILENT_S),
    "delay": delay,
    "reset": asked(lambda batch: batch.proxy.reset()),
    "half-close": asked(lambda batch: batch.proxy.half_close()),
    "full-checkpoints": fill("jobmanager", "taskmanager"),
    "full-broker": fill("kafka"),
    "poison": asked(lambda batch: batch.feeder.flood()),
    "jump-within": asked(lambda batch: batch.feeder.jump(WITHIN_NS)),
    "jump-beyond": asked(lambda batch: batch.feeder.jump(BEYOND_NS)),
    "kill-jobmanager": kill("jobmanager"),
    "kill-both": kill("jobmanager", "taskmanager"),
}
