"""Bringing a stack up and taking it down."""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy import paths
from deploy.errors import UserError
from deploy.locks import alone
from deploy.stack import flink, health, kafka, ports, postgres, redis, registry, supervisor, zookeeper
from deploy.stack.security import Security
from deploy.stack.state import PARTS, Stack, running

START_TIMEOUT_S = 180
DATA = ("zookeeper", "kafka", "registry", "flink", "postgres", "redis", "lake", "reference", "logs")
"""What `wipe` removes."""


def start(
    stated: Mapping[str, int], folder: Path = paths.STACK, secured_with: Path | None = None
) -> tuple[Stack, bool]:
    """The running stack of a folder, started when there is none; and whether it was started.

    `stated` gives ports by name (kafka, registry, flink); `secured_with` is a folder as deploy.stack.security describes
    it. Raises UserError when a port is taken.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        stack = running(folder)
        if stack:
            return stack, False
        supervisor.end_left_over(folder)
        chosen = ports.choose(stated)
        prepare(folder, chosen, Security(secured_with) if secured_with else None)
        return launch(folder, chosen, secured_with), True


def await_health(stack: Stack, report: Callable[[str, float], None]) -> None:
    """Wait until every part answers, as `answering` does; `report` is told each part and its seconds."""
    for part, seconds in answering(stack):
        report(part, seconds)


def answering(stack: Stack) -> Iterator[tuple[str, float]]:
    """Each part once it answers, and its seconds.

    Raises UserError when a part ends or does not answer in time, with its last words and its log.
    """
    began = time.monotonic()
    waiting, seen = list(PARTS), dict[str, int]()
    while waiting:
        seen = _unchanged(stack, seen)
        for part in [part for part in waiting if health.healthy(stack, part)]:
            waiting.remove(part)
            yield part, time.monotonic() - began
        if time.monotonic() - began > START_TIMEOUT_S:
            raise UserError(f"{waiting[0]} does not answer after {START_TIMEOUT_S} s{_last_words(stack, waiting[0])}")
        time.sleep(0.2)


def stop(report: Callable[[str], None], folder: Path = paths.STACK, only: Stack | None = None) -> bool:
    """Stop the parts in order, and what has lost its supervisor; `report` is told of each that has ended.

    With `only`, a stack that another `up` has started since is left alone. Returns whether any was stopped.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        stack = running(folder)
        if only and stack and stack != only:
            return False
        if stack:
            supervisor.stop(stack, report)
        return bool(supervisor.end_left_over(folder)) or stack is not None


def wipe(folder: Path = paths.STACK) -> None:
    """Remove topics, schemas, checkpoints and logs of a stack that is down."""
    for name in DATA:
        shutil.rmtree(folder / name, ignore_errors=True)


def prepare(folder: Path, chosen: ports.Ports, security: Security | None = None) -> None:
    """Write what the parts read when they start: configuration, formatted storage."""
    with ThreadPoolExecutor() as pool:
        steps = [
            pool.submit(kafka.prepare, folder, chosen, security),
            pool.submit(postgres.prepare, folder),
            pool.submit(registry.prepare, folder, chosen, security),
            pool.submit(flink.prepare, folder, chosen, security),
            pool.submit(zookeeper.prepare, folder, chosen),
            pool.submit(redis.prepare, folder, chosen),
        ]
    for step in steps:
        step.result()


def launch(folder: Path, chosen: ports.Ports, secured_with: Path | None = None) -> Stack:
    """Start the parts in a folder that is prepared."""
    commands = {
        "zookeeper": zookeeper.command(folder),
        "kafka": kafka.command(folder),
        "registry": registry.command(folder),
        **flink.commands(folder, chosen),
        "postgres": postgres.command(folder, chosen),
        "redis": redis.command(folder),
    }
    return supervisor.start(folder, chosen, commands, flink.environment(folder), secured_with)


def _unchanged(stack: Stack, seen: dict[str, int]) -> dict[str, int]:
    if not stack.supervisor():
        raise UserError(f"the supervisor ended{_last_words(stack, 'supervisord')}")
    pids = stack.pids
    for part, pid in seen.items():
        if pids.get(part) != pid:
            raise UserError(f"{part} ended while starting{_last_words(stack, part)}")
    return pids


def _last_words(stack: Stack, part: str) -> str:
    log = stack.log(part)
    lines = log.read_text(errors="replace").splitlines()[-5:] if log.exists() else []
    return "".join(f"\n  {line[:200]}" for line in lines) + f"\n(log: {log})"
