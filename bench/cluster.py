"""The benchmark's own stack, with a new TaskManager for each run."""

import os
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

import psutil
from confluent_kafka.admin import AdminClient, NewTopic

from bench.tape import PARTITIONS
from deploy import paths
from deploy.locks import hold, sign
from deploy.stack import Stack, lifecycle, ports

FOLDER = paths.STATE / "bench"
TIMEOUT_S = 30


@contextmanager
def fresh_stack(keep: bool, ready: Callable[[str, float], None]) -> Iterator[Stack]:
    """An empty stack on free ports beside any other; stopped at the end unless all went well and it is to be kept.

    Raises UserError when another benchmark runs: each would be measured with the other's work on the same machine.
    """
    with _only_one():
        _remove()
        stack, _ = lifecycle.start(dict(zip(ports.DEFAULTS, ports.free(len(ports.DEFAULTS)), strict=True)), FOLDER)
        kept = False
        try:
            lifecycle.await_health(stack, ready)
            yield stack
            kept = keep
        finally:
            if not kept:
                _remove()


@contextmanager
def _only_one() -> Iterator[None]:
    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    with FOLDER.with_suffix(".lock").open("a+") as lock:  # beside the folder, which is removed
        hold(lock, FOLDER)
        sign(lock, os.getpid())
        yield


def _remove() -> None:
    lifecycle.stop(lambda part: None, FOLDER)
    lifecycle.wipe(FOLDER)


def new_task_manager(stack: Stack) -> None:
    """End the TaskManager and wait for its successor: no run inherits compiled code or memory from the one before."""
    end_task_manager(stack)
    await_task_manager(stack)


def end_task_manager(stack: Stack) -> None:
    """End the TaskManager; its successor starts by itself."""
    old = stack.processes()["taskmanager"]
    old.terminate()
    old.wait(TIMEOUT_S)


def await_task_manager(stack: Stack) -> None:
    """Wait until the successor of the one that was ended is there."""
    deadline = time.monotonic() + TIMEOUT_S
    while "taskmanager" not in stack.pids and time.monotonic() < deadline:
        time.sleep(0.2)
    lifecycle.await_health(stack, lambda part, seconds: None)


def create_topics(brokers: str, names: Collection[str]) -> None:
    """Create those topics that are missing: they keep everything and note when the broker appended each record."""
    admin = AdminClient({"bootstrap.servers": brokers, "log_level": 0})
    missing = set(names) - admin.list_topics(timeout=TIMEOUT_S).topics.keys()
    config = {"retention.ms": "-1", "message.timestamp.type": "LogAppendTime"}
    if missing:
        made = admin.create_topics([NewTopic(name, PARTITIONS, 1, config=config) for name in missing])
        for future in made.values():
            future.result()


def java_process(stack: Stack, part: str) -> psutil.Process:
    """The JVM of a part, below the script that started it."""
    process = stack.processes()[part]
    return next((child for child in process.children(recursive=True) if child.name() == "java"), process)
