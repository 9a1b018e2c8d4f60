"""The broker: Apache Kafka with KRaft, broker and controller in one process."""

import base64
import subprocess
import uuid
from pathlib import Path

from deploy import core, jars
from deploy.errors import UserError
from deploy.stack.ports import HOST, Ports

FORMAT_TIMEOUT_S = 60
TRANSACTION_TIMEOUT_MAX_MS = 3_600_000
"""Longest transaction the broker accepts: the longest outage that a job's open transactions outlive."""
LOGGING = {
    "showDateTime": "true",
    "dateTimeFormat": "yyyy-MM-dd HH:mm:ss,SSS",
    "showThreadName": "false",
    "showShortLogName": "true",
    "log.org.apache.kafka.clients": "warn",
}


def command(folder: Path) -> list[str]:
    """What starts the broker."""
    options = [f"-Dorg.slf4j.simpleLogger.{name}={value}" for name, value in LOGGING.items()]
    heap = ["-Xms256m", "-Xmx512m", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"]
    return [*_java(*heap, *options), "kafka.Kafka", str(_properties(folder))]


def prepare(folder: Path, ports: Ports) -> None:
    """Write the broker's settings and, the first time, format its storage."""
    data = folder / "kafka" / "data"
    data.mkdir(parents=True, exist_ok=True)
    _properties(folder).write_text("".join(f"{name}={value}\n" for name, value in _settings(data, ports).items()))
    if not (data / "meta.properties").exists():
        _format(folder)


def _settings(data: Path, ports: Ports) -> dict[str, object]:
    broker, controller = f"{HOST}:{ports.kafka}", f"{HOST}:{ports.kafka_controller}"
    return {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{broker},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{broker}",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "transaction.max.timeout.ms": TRANSACTION_TIMEOUT_MAX_MS,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
    }


def cluster_id() -> str:
    """A new one. None begins with '-': the tool would take it for an option."""
    found = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return cluster_id() if found.startswith("-") else found


def _format(folder: Path) -> None:
    arguments = ["format", "--cluster-id", cluster_id(), "--config", str(_properties(folder))]
    result = subprocess.run(
        [*_java("-Xmx128m"), "kafka.tools.StorageTool", *arguments],
        capture_output=True,
        text=True,
        timeout=FORMAT_TIMEOUT_S,
        check=False,
    )
    if result.returncode != 0:
        raise UserError(f"Kafka could not format {folder / 'kafka' / 'data'}: {result.stderr.strip()[-500:]}")


def _java(*options: str) -> list[str]:
    class_path = ":".join(str(jar) for jar in jars.group("kafka"))
    return [str(core.java()), *options, "-cp", class_path]


def _properties(folder: Path) -> Path:
    return folder / "kafka" / "server.properties"
