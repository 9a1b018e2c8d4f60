"""Whether a part does its work: asked the way its clients ask it."""

import socket
from collections.abc import Callable

import httpx
import psycopg
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deploy import rest
from deploy.errors import UserError
from deploy.stack import redis
from deploy.stack.ports import HOST
from deploy.stack.security import ADMIN
from deploy.stack.state import Stack

TIMEOUT_S = 2


def healthy(stack: Stack, part: str) -> bool:
    """Whether a part is up and answers."""
    try:
        return part in stack.pids and CHECKS[part](stack)
    except (OSError, httpx.HTTPError, KafkaException, UserError, psycopg.Error):
        return False


def all_healthy(stack: Stack) -> bool:
    """Whether every part is up and answers."""
    return all(healthy(stack, part) for part in CHECKS)


def _zookeeper(stack: Stack) -> bool:
    with socket.create_connection((HOST, stack.ports.zookeeper), TIMEOUT_S) as connection:
        connection.sendall(b"ruok")
        return connection.recv(4) == b"imok"


def _kafka(stack: Stack) -> bool:
    client = AdminClient({**stack.kafka_client(), "error_cb": lambda _error: None})
    return bool(client.list_topics(timeout=TIMEOUT_S).brokers)


def _registry(stack: Stack) -> bool:
    security = stack.security
    login = (ADMIN, security.admin_password) if security else None
    trusted = security.context() if security else False  # without TLS there is nothing to verify
    url = f"{stack.registry_url}/subjects"
    return httpx.get(url, auth=login, verify=trusted, timeout=TIMEOUT_S, trust_env=False).is_success


def _jobmanager(stack: Stack) -> bool:
    return bool(_flink(stack).get("/overview"))


def _taskmanager(stack: Stack) -> bool:
    process = stack.processes().get("taskmanager")
    started_ms = process.create_time() * 1000 if process else float("inf")
    managers = _flink(stack).get("/taskmanagers")["taskmanagers"]
    # A killed one stays listed until it is missed: only a heartbeat since this process began counts.
    # A new one beats before it has offered its slots.
    return any(each["timeSinceLastHeartbeat"] > started_ms and each["slotsNumber"] for each in managers)


def _postgres(stack: Stack) -> bool:
    with psycopg.connect(stack.postgres_url, connect_timeout=TIMEOUT_S) as connection:
        return connection.execute("select 1").fetchone() == (1,)


def _redis(stack: Stack) -> bool:
    with socket.create_connection((HOST, stack.ports.redis), TIMEOUT_S) as connection:  # its client is slow to import
        connection.sendall(f"AUTH {redis.password(stack.folder)}\r\nPING\r\n".encode())
        answers = connection.makefile("rb")
        return [answers.readline() for _ in range(2)] == [b"+OK\r\n", b"+PONG\r\n"]


def _flink(stack: Stack) -> rest.Rest:
    return rest.at(stack.flink_address, stack.flink_conf)


CHECKS: dict[str, Callable[[Stack], bool]] = {
    "zookeeper": _zookeeper,
    "kafka": _kafka,
    "registry": _registry,
    "jobmanager": _jobmanager,
    "taskmanager": _taskmanager,
    "postgres": _postgres,
    "redis": _redis,
}
