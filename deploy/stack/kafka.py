"""The broker: Apache Kafka with KRaft, broker and controller in one process."""

import base64
import subprocess
import uuid
from pathlib import Path

from deploy import core, jars
from deploy.errors import UserError
from deploy.stack.ports import HOST, Ports
from deploy.stack.security import ADMIN, BROKER, Security, write_private

FORMAT_TIMEOUT_S = 60
TRANSACTION_TIMEOUT_MAX_MS = 3_600_000
"""Longest transaction the broker accepts: the longest outage that a job's open transactions outlive."""
SCRAM = "SCRAM-SHA-512"
SCRAM_MODULE = "org.apache.kafka.common.security.scram.ScramLoginModule"
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
    return [*_java("kafka.Kafka", *heap, *options), str(_properties(folder))]


def prepare(folder: Path, ports: Ports, security: Security | None) -> None:
    """Write the broker's settings and, the first time, format its storage."""
    data = folder / "kafka" / "data"
    data.mkdir(parents=True, exist_ok=True)
    settings = _settings(data, ports) | (_secured(ports, security) if security else {})
    write_private(_properties(folder), "".join(f"{name}={value}\n" for name, value in settings.items()))
    if not (data / "meta.properties").exists():
        _format(folder, security)


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


def _secured(ports: Ports, security: Security) -> dict[str, object]:
    """TLS everywhere; clients log in with SCRAM and may do what they were granted, controllers show a certificate."""
    broker, controller = f"{HOST}:{ports.kafka}", f"{HOST}:{ports.kafka_controller}"
    login = f'{SCRAM_MODULE} required username="{ADMIN}" password="{security.admin_password}";'
    return {
        "listeners": f"CLIENT://{broker},CONTROLLER://{controller}",
        "advertised.listeners": f"CLIENT://{broker}",
        "listener.security.protocol.map": "CLIENT:SASL_SSL,CONTROLLER:SSL",
        "inter.broker.listener.name": "CLIENT",
        "sasl.enabled.mechanisms": SCRAM,
        "sasl.mechanism.inter.broker.protocol": SCRAM,
        f"listener.name.client.{SCRAM.lower()}.sasl.jaas.config": login,
        "listener.name.controller.ssl.client.auth": "required",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": security.broker,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": security.ca,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{ADMIN};User:{BROKER}",
    }


def cluster_id() -> str:
    """A new one. None begins with '-': the tool would take it for an option."""
    found = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return cluster_id() if found.startswith("-") else found


def _format(folder: Path, security: Security | None) -> None:
    arguments = ["format", "--cluster-id", cluster_id(), "--config", str(_properties(folder))]
    if security:
        arguments += ["--add-scram", f"{SCRAM}=[name={ADMIN},password={security.admin_password}]"]
    given = folder / "kafka" / "format.arguments"  # in a file: other users see those of a command
    write_private(given, "\n".join(arguments))
    result = subprocess.run(
        [*_java("kafka.tools.StorageTool", "-Xmx128m"), f"@{given}"],
        capture_output=True,
        text=True,
        timeout=FORMAT_TIMEOUT_S,
        check=False,
    )
    given.unlink()
    if result.returncode != 0:
        raise UserError(f"Kafka could not format {folder / 'kafka' / 'data'}: {result.stderr.strip()[-500:]}")


def _java(main: str, *options: str) -> list[str]:
    class_path = ":".join(str(jar) for jar in jars.group("kafka"))
    return [str(core.java()), *options, *core.shared_classes(main), "-cp", class_path, main]


def _properties(folder: Path) -> Path:
    return folder / "kafka" / "server.properties"
