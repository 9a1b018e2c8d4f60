"""Which ports the stack listens on, all of them on the loopback interface."""

import random
import socket
from collections.abc import Mapping
from contextlib import ExitStack

import psutil
from pydantic import BaseModel

from deploy.errors import UserError

HOST = "127.0.0.1"
DEFAULTS = {"kafka": 9092, "registry": 8082, "flink": 8081, "postgres": 5432, "redis": 6379}
"""What users of each part expect; taken when free."""
CANDIDATES = range(15_000, 30_000)
"""Free ports are drawn from these: systems give none of them to a connection that comes between choice and use."""


class Ports(BaseModel, frozen=True):
    """The ports of a stack; only those of DEFAULTS are of use outside it."""

    kafka: int
    registry: int
    flink: int
    kafka_controller: int
    flink_rpc: int
    flink_blob: int
    zookeeper: int
    postgres: int
    redis: int
    jobmanager_metrics: int
    taskmanager_metrics: int


def choose(stated: Mapping[str, int]) -> Ports:
    """A port for each part: the stated one, else its default, else a free one.

    Raises UserError naming the process to stop when a stated port is taken.
    """
    with ExitStack() as held:  # all are held until the last is chosen, so that no two are the same
        chosen = {name: _claim(held, name, stated.get(name)) for name in Ports.model_fields}
    return Ports.model_validate(chosen)


def free(count: int) -> list[int]:
    """As many free ports, no two the same."""
    with ExitStack() as held:
        return [_hold(held, 0) for _ in range(count)]


def is_free(port: int) -> bool:
    """Whether nothing listens on this port of the loopback interface."""
    try:
        _listen(port).close()
    except OSError:
        return False
    return True


def holder(port: int) -> str:
    """Who listens on a port, for a message: `java (pid 123)`, or `a process of another user`."""
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
            return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return "a process of another user"


def _claim(held: ExitStack, name: str, stated: int | None) -> int:
    if stated is not None:
        if not is_free(stated):
            remedy = f"stop it, or leave out --{name}-port for a free one"
            raise UserError(f"port {stated} is taken by {holder(stated)}: {remedy}")
        return _hold(held, stated)
    default = DEFAULTS.get(name, 0)
    return _hold(held, default if is_free(default) else 0)


def _hold(held: ExitStack, port: int) -> int:
    """Hold a port; 0 stands for a free one."""
    if port == 0:
        port = next(number for number in iter(lambda: random.choice(CANDIDATES), None) if is_free(number))
    listener = held.enter_context(_listen(port))
    number: int = listener.getsockname()[1]
    return number


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(1)
    except OSError:
        listener.close()
        raise
    return listener
