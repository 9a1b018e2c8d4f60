"""Supervision, with parts that only sleep: a real supervisor and real processes, no JVM."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from deploy.stack import Stack, ports, running, supervisor
from deploy.stack.ends import START, ends
from deploy.stack.state import PARTS, left_over
from tests.integration.stacks import tickloom

PORTS = ports.Ports(
    kafka=1,
    registry=2,
    flink=3,
    kafka_controller=4,
    flink_rpc=5,
    flink_blob=6,
    zookeeper=7,
    postgres=8,
    redis=9,
    jobmanager_metrics=10,
    taskmanager_metrics=11,
)
SLEEP = [sys.executable, "-c", "import time; print('100% awake', flush=True); time.sleep(600)"]
SLEEP_WITH_CHILD = [
    sys.executable,
    "-c",
    "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])",
]
AWKWARD_NAME = "50% of a folder"


def eventually(condition: Callable[[], object], timeout_s: float = 10) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "still not so"
        time.sleep(0.05)


def start(folder: Path, **commands: list[str]) -> Stack:
    folder.mkdir()
    stack = supervisor.start(folder, PORTS, {**dict.fromkeys(PARTS, SLEEP), **commands}, {})
    eventually(lambda: set(stack.pids) == set(PARTS))
    return stack


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / AWKWARD_NAME
    yield folder
    supervisor.end_left_over(folder)


def test_a_running_stack_is_found_with_the_process_of_each_part(folder: Path) -> None:
    stack = start(folder)
    assert running(folder) == stack
    assert all(psutil.pid_exists(pid) for pid in stack.pids.values())


def test_a_killed_part_comes_back_within_seconds(folder: Path) -> None:
    stack = start(folder)
    killed = stack.pids["taskmanager"]
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: stack.pids.get("taskmanager", killed) != killed, timeout_s=5)


FATAL = """\
2026-11-21 15:24:33,564 ERROR ClusterEntrypoint - Fatal error occurred in the cluster entrypoint.
java.util.concurrent.CompletionException: java.io.IOException: no space left
Caused by: java.io.IOException: no space left
2026-11-21 15:24:35,970 ERROR SourceCoordinator - Uncaught exception
Caused by: java.lang.ClassNotFoundException: a consequence
"""
FAILS = [sys.executable, "-c", f"import sys; print({FATAL!r}, flush=True); sys.exit(3)"]


def test_a_part_that_ends_again_and_again_is_reported_with_its_last_words(folder: Path) -> None:
    folder.mkdir()
    stack = supervisor.start(folder, PORTS, {**dict.fromkeys(PARTS, SLEEP), "kafka": FAILS}, {})
    eventually(lambda: (told := ends(stack, "kafka")) and told.loops, timeout_s=20)
    told = ends(stack, "kafka")
    assert told
    assert told.count >= 3
    assert told.how == "exit status 3, IOException: no space left"
    shown = tickloom(folder, "status", check=False)
    assert shown.returncode == 1
    (line,) = [line for line in shown.stdout.splitlines() if line.endswith(f"{told.how} (`tickloom logs kafka`)")]
    assert line.startswith("  ended ")


def test_a_part_that_was_killed_once_is_in_no_crash_loop(folder: Path) -> None:
    stack = start(folder)
    assert ends(stack, "kafka") is None
    os.kill(stack.pids["kafka"], signal.SIGKILL)
    eventually(lambda: ends(stack, "kafka"))
    told = ends(stack, "kafka")
    assert told
    assert (told.count, told.how, told.loops, told.gave_up) == (1, "terminated by SIGKILL", False, False)


def test_the_ends_of_an_earlier_stack_in_the_same_folder_are_past(folder: Path) -> None:
    stack = start(folder)
    os.kill(stack.pids["kafka"], signal.SIGKILL)
    eventually(lambda: ends(stack, "kafka"))
    supervisor.stop(stack, lambda _part: None)
    another = supervisor.start(folder, PORTS, dict.fromkeys(PARTS, SLEEP), {})
    eventually(lambda: set(another.pids) == set(PARTS))
    assert ends(another, "kafka") is None


LAST_WORDS = """
import pathlib, signal, sys, time
part = sys.argv[1]
def stop(*_):
    time.sleep(0.2)
    pathlib.Path("ended").open("a").write(part + "\\n")
    sys.exit()
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, stop)
pathlib.Path("ready-" + part).touch()
time.sleep(600)
"""
"""A part that takes a moment to stop, and then adds its name to a file."""


def test_parts_stop_one_after_the_other_in_reverse(folder: Path, tmp_path: Path) -> None:
    program = tmp_path / "last_words.py"
    program.write_text(LAST_WORDS)
    stack = start(folder, **{part: [sys.executable, str(program), part] for part in PARTS})
    eventually(lambda: all((folder / f"ready-{part}").exists() for part in PARTS))
    reported: list[str] = []
    supervisor.stop(stack, reported.append)
    assert (folder / "ended").read_text().split() == list(reversed(PARTS))
    assert reported == list(reversed(PARTS))
    assert running(folder) is None
    assert left_over(folder) == []


def test_a_part_ends_with_its_children(folder: Path) -> None:
    stack = start(folder, taskmanager=SLEEP_WITH_CHILD)
    parent = stack.processes()["taskmanager"]
    eventually(parent.children)
    (child,) = parent.children()
    assert child in left_over(folder)
    supervisor.stop(stack, lambda _part: None)
    assert child not in left_over(folder)


def test_a_stack_whose_supervisor_was_killed_is_not_running_and_can_be_ended(folder: Path) -> None:
    stack = start(folder)
    eventually(lambda: all("awake" in stack.log(part).read_text() for part in PARTS))
    parts = set(stack.pids.values())
    os.kill(stack.supervisor_pid, signal.SIGKILL)
    eventually(lambda: running(folder) is None)
    assert set(supervisor.end_left_over(folder)) == parts
    assert left_over(folder) == []


def test_what_a_part_prints_is_in_its_log(folder: Path) -> None:
    stack = start(folder)
    eventually(lambda: stack.log("kafka").read_text() == f"{START}\n100% awake\n")


def test_the_folder_of_another_stack_is_left_alone(folder: Path, tmp_path: Path) -> None:
    stack = start(folder)
    assert supervisor.end_left_over(tmp_path / "another") == []
    assert set(stack.pids) == set(PARTS)


def test_a_state_file_with_a_pid_that_was_used_again_counts_as_not_running(folder: Path) -> None:
    folder.mkdir()
    own_pid_of_another_time = Stack(
        folder=folder, ports=PORTS, supervisor_pid=os.getpid(), supervisor_started=1_000_000_000.0
    )
    own_pid_of_another_time.save()
    assert running(folder) is None


def test_a_state_file_of_a_process_that_ended_counts_as_not_running(folder: Path) -> None:
    folder.mkdir()
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        started = psutil.Process(process.pid).create_time()
    Stack(folder=folder, ports=PORTS, supervisor_pid=process.pid, supervisor_started=started).save()
    assert running(folder) is None


def test_a_damaged_state_file_counts_as_not_running(folder: Path) -> None:
    folder.mkdir()
    (folder / "stack.json").write_text("{")
    assert running(folder) is None
