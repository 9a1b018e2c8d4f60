"""The stack as users see it: through the command, with the real parts."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import Schema

from deploy.stack import Stack, ports, running
from deploy.stack.health import all_healthy
from deploy.stack.state import PARTS, left_over
from deploy.stack.status import memory_bytes
from schemas import avro
from schemas.registry import connect
from tests.integration.candle_job import wait_until
from tests.integration.stacks import command, down, environment, free_ports, tickloom, up

pytestmark = pytest.mark.integration

UP_BOUND_S = 60
MEMORY_BOUND_BYTES = 4 * 2**30
RECOVERY_BOUND_S = 15
WEB_TIMEOUT_S = 20
SUBJECT = "md.trades.v1-value"
TOPIC = "md.trades.v1"


@dataclass
class FirstLife:
    """A stack that was up in the foreground, got a schema and a topic, and was ended with Ctrl-C."""

    folder: Path
    schema_id: int
    up_seconds: float
    up_bound_s: float
    exit_code: int
    output: str
    left_over: int


@pytest.fixture(scope="module")
def first_life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirstLife]:
    folder = tmp_path_factory.mktemp("lives") / "a stack"
    began = time.monotonic()
    launcher = subprocess.Popen(
        command("up", *free_ports()),
        env={**environment(folder), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        shown = wait_for_line(launcher, "Ctrl-C")
        up_seconds, up_bound_s = time.monotonic() - began, shared(UP_BOUND_S)
        schema_id = leave_something_behind(running(folder))
        launcher.send_signal(signal.SIGINT)
        rest, _ = launcher.communicate(timeout=60)
        output, orphans = shown + rest, len(left_over(folder))
        yield FirstLife(folder, schema_id, up_seconds, up_bound_s, launcher.returncode, output, orphans)
    finally:
        down(folder)


@pytest.fixture(scope="module")
def second_life(first_life: FirstLife) -> Iterator[Stack]:
    """The same folder, up again on other ports."""
    yield up(first_life.folder)
    down(first_life.folder)


def shared(bound_s: float) -> float:
    """A bound for a machine of the stack's own; stretched when others keep the cores busy as well."""
    load: float = psutil.getloadavg()[0] / psutil.cpu_count()
    return bound_s * max(1.0, load)


def wait_for_line(process: subprocess.Popen[str], beginning: str) -> str:
    assert process.stdout
    seen = ""
    for line in process.stdout:
        seen += line
        if line.startswith(beginning):
            return seen
    pytest.fail(f"ended with {process.wait()}: {seen}")


def leave_something_behind(stack: Stack | None) -> int:
    """Create a topic and register a schema, after another, so that its id is not the first; returns the id."""
    assert stack
    admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers})
    admin.create_topics([NewTopic(TOPIC, 2, 1)])[TOPIC].result(30)
    registry = connect(stack.registry_client())
    registry.register_schema("md.candles.1m.v1-value", Schema(avro.text("candle"), "AVRO"))
    return int(registry.register_schema(SUBJECT, Schema(avro.text("trade"), "AVRO")))


def test_up_shows_every_part_and_takes_less_than_a_minute(first_life: FirstLife) -> None:
    for part in PARTS:
        assert f"{part:12} ready after" in first_life.output
    assert first_life.up_seconds < first_life.up_bound_s


def test_ctrl_c_stops_the_parts_in_order_and_leaves_no_process(first_life: FirstLife) -> None:
    stopped = [line.split()[0] for line in first_life.output.splitlines() if line.endswith(" stopped")]
    assert stopped == list(reversed(PARTS))
    assert first_life.exit_code == 0
    assert first_life.left_over == 0


def test_status_of_a_stack_that_is_down_says_how_to_start_it(tmp_path: Path) -> None:
    result = tickloom(tmp_path, "status", check=False)
    assert result.returncode == 1
    assert "tickloom up" in result.stdout


@pytest.mark.thorough
def test_schemas_keep_their_ids_and_topics_stay_across_a_restart(first_life: FirstLife, second_life: Stack) -> None:
    registry = connect(second_life.registry_client())
    assert registry.get_latest_version(SUBJECT).schema_id == first_life.schema_id
    assert registry.register_schema(SUBJECT, Schema(avro.text("trade"), "AVRO")) == first_life.schema_id
    topics = AdminClient({"bootstrap.servers": second_life.bootstrap_servers}).list_topics(timeout=10).topics
    assert len(topics[TOPIC].partitions) == 2


def test_a_second_up_says_what_is_running_and_where(second_life: Stack) -> None:
    before = second_life.pids
    result = tickloom(second_life.folder, "up")
    assert "already running" in result.stdout
    for address in (second_life.bootstrap_servers, second_life.registry_url, second_life.flink_rest_url):
        assert address in result.stdout
    assert second_life.pids == before


def test_the_whole_stack_stays_below_its_memory_bound(second_life: Stack) -> None:
    supervisor = second_life.supervisor()
    assert supervisor
    assert memory_bytes(supervisor) < MEMORY_BOUND_BYTES


def test_status_shows_every_part_healthy_with_its_process(second_life: Stack) -> None:
    shown = tickloom(second_life.folder, "status").stdout.splitlines()
    for part, pid in second_life.pids.items():
        (line,) = [line for line in shown if line.startswith(part)]
        assert line.split()[1:3] == ["healthy", str(pid)]


def test_doctor_finds_nothing_wrong_with_a_healthy_stack(second_life: Stack) -> None:
    shown = tickloom(second_life.folder, "doctor").stdout
    assert "problem" not in shown
    for part, pid in second_life.pids.items():
        assert f"ok       {part:12} answers (pid {pid})" in shown


def test_logs_show_what_a_part_said(second_life: Stack) -> None:
    shown = tickloom(second_life.folder, "logs", "kafka", "-n", "100").stdout
    assert "Kafka Server started" in shown
    assert "TaskExecutor" not in shown


def test_a_stated_port_that_is_taken_is_an_error_that_names_who_has_it(second_life: Stack, tmp_path: Path) -> None:
    taken = second_life.ports.flink
    result = tickloom(tmp_path, "up", "--detach", f"--flink-port={taken}", check=False)
    assert result.returncode == 1
    assert f"port {taken} is taken by java (pid {second_life.pids['jobmanager']})" in result.stderr
    assert running(tmp_path) is None


def test_every_part_listens_on_the_loopback_interface_alone(second_life: Stack) -> None:
    for part, process in second_life.processes().items():
        listening = [c.laddr.ip for c in process.net_connections("tcp") if c.status == "LISTEN"]
        assert listening, part
        assert {address.removeprefix("::ffff:") for address in listening} == {ports.HOST}, part


def test_a_killed_taskmanager_comes_back_and_the_cluster_is_healthy(second_life: Stack) -> None:
    killed, before = second_life.pids["taskmanager"], taskmanagers(second_life)
    began = time.monotonic()
    os.kill(killed, signal.SIGKILL)
    while second_life.pids.get("taskmanager", killed) == killed or not all_healthy(second_life):
        assert time.monotonic() - began < shared(RECOVERY_BOUND_S)
        time.sleep(0.2)
    wait_until(lambda: not before & taskmanagers(second_life), "the dead TaskManager's end", shared(RECOVERY_BOUND_S))
    wait_until(lambda: slots(second_life) == 4, "the slots of the living one alone")


def test_metrics_are_shown_again_after_a_taskmanager_that_died_while_it_was_asked(second_life: Stack) -> None:
    wait_until(lambda: any(has_metrics(second_life, each) for each in taskmanagers(second_life)), "any metrics")
    (before,) = taskmanagers(second_life)
    pid = second_life.pids["taskmanager"]
    os.kill(pid, signal.SIGSTOP)
    for _ in range(3):  # one of these makes the JobManager ask, and is never answered
        has_metrics(second_life, before)
        time.sleep(1.1)
    os.kill(pid, signal.SIGKILL)
    wait_until(
        lambda: any(has_metrics(second_life, each) for each in taskmanagers(second_life) - {before}),
        "the metrics of the new TaskManager",
        shared(RECOVERY_BOUND_S + WEB_TIMEOUT_S),
    )


def taskmanagers(stack: Stack) -> set[str]:
    found = httpx.get(f"{stack.flink_rest_url}/taskmanagers", timeout=5, trust_env=False).json()
    return {each["id"] for each in found["taskmanagers"]}


def has_metrics(stack: Stack, taskmanager: str) -> bool:
    answer = httpx.get(f"{stack.flink_rest_url}/taskmanagers/{taskmanager}/metrics", timeout=5, trust_env=False)
    return answer.is_success and bool(answer.json())


def slots(stack: Stack) -> int:
    return int(httpx.get(f"{stack.flink_rest_url}/overview", timeout=5, trust_env=False).json()["slots-total"])


def test_down_ends_what_lost_its_supervisor(second_life: Stack) -> None:
    """The last test of this stack: it ends it."""
    parts = set(second_life.pids.values())
    os.kill(second_life.supervisor_pid, signal.SIGKILL)
    time.sleep(0.5)
    assert "tickloom down" in tickloom(second_life.folder, "doctor", check=False).stdout
    assert parts <= {process.pid for process in left_over(second_life.folder)}
    down(second_life.folder)
    assert left_over(second_life.folder) == []
    assert ports.is_free(second_life.ports.kafka)


def test_down_wipe_removes_the_data_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "kafka" / "data").mkdir(parents=True)
    (tmp_path / "mine").mkdir()
    tickloom(tmp_path, "down", "--wipe")
    assert not (tmp_path / "kafka").exists()
    assert (tmp_path / "mine").exists()
