"""Broker, registry and ClickHouse in containers, beside a local Flink cluster. Unverified: needs a Docker engine."""

from collections.abc import Iterator
from contextlib import contextmanager

from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import HttpWaitStrategy
from testcontainers.kafka import KafkaContainer

from deploy.stack import Stack
from deploy.stack.kafka import TRANSACTION_TIMEOUT_MAX_MS

REGISTRY_IMAGE = "apicurio/apicurio-registry:3.3.3"
REGISTRY_PORT = 8080
CLICKHOUSE_IMAGE = "clickhouse/clickhouse-server:25.8"
CLICKHOUSE_PORT = 8123


@contextmanager
def broker_and_registry(stack: Stack) -> Iterator[Stack]:
    """The stack with the addresses of two containers in place of its own broker and registry."""
    kafka = KafkaContainer().with_kraft()
    kafka.with_env("KAFKA_TRANSACTION_MAX_TIMEOUT_MS", str(TRANSACTION_TIMEOUT_MAX_MS))
    registry = DockerContainer(REGISTRY_IMAGE).with_exposed_ports(REGISTRY_PORT)
    registry.waiting_for(HttpWaitStrategy(REGISTRY_PORT, "/apis/ccompat/v7/subjects"))
    with kafka, registry:
        ports = {
            "kafka": int(kafka.get_bootstrap_server().rpartition(":")[2]),
            "registry": int(registry.get_exposed_port(REGISTRY_PORT)),
        }
        yield stack.model_copy(update={"ports": stack.ports.model_copy(update=ports)})


@contextmanager
def clickhouse() -> Iterator[str]:
    """The URL of a ClickHouse server without the name of a database."""
    server = DockerContainer(CLICKHOUSE_IMAGE).with_exposed_ports(CLICKHOUSE_PORT)
    server.with_env("CLICKHOUSE_USER", "tickloom").with_env("CLICKHOUSE_PASSWORD", "tickloom")
    server.waiting_for(HttpWaitStrategy(CLICKHOUSE_PORT, "/ping"))
    with server:
        port = server.get_exposed_port(CLICKHOUSE_PORT)
        yield f"http://tickloom:tickloom@{server.get_container_host_ip()}:{port}/"
