"""One stack for the whole test session, and names that no two tests share."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from redis import Redis

from deploy import flink
from deploy.stack import Stack
from tests.integration import stacks, submitter


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running broker, registry and Flink cluster; taken down at the end, also after Ctrl-C or a SIGTERM.

    With TICKLOOM_TEST_BACKEND=containers the broker and the registry run in containers; unverified.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = tmp_path_factory.mktemp("stack")
    try:
        local = stacks.up(folder)
        if os.environ.get("TICKLOOM_TEST_BACKEND") == "containers":
            from tests.integration.containers import broker_and_registry

            with broker_and_registry(local) as mixed:
                yield mixed
        else:
            yield local
    finally:
        stacks.down(folder)


@pytest.fixture
def stack_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for a stack of the test's own, which is taken down afterwards."""
    folder = tmp_path / "stack"
    try:
        yield folder
    finally:
        stacks.down(folder)


@pytest.fixture
def url(stack: Stack) -> Iterator[str]:
    """Of a PostgreSQL database of the test's own."""
    with database(stack) as url:
        yield url


@pytest.fixture(scope="module")
def module_url(stack: Stack) -> Iterator[str]:
    """Of a PostgreSQL database of the module's own."""
    with database(stack) as url:
        yield url


@contextmanager
def database(stack: Stack) -> Iterator[str]:
    """URL of a PostgreSQL database that is there meanwhile."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(stack.postgres_url, autocommit=True) as server:
        server.execute(f"create database {name}")
    yield stack.postgres_url.removesuffix("postgres") + name
    with psycopg.connect(stack.postgres_url, autocommit=True) as server:
        server.execute(f"drop database {name} with (force)")


@pytest.fixture
def redis_url(stack: Stack) -> Iterator[str]:
    """Of a Redis database with nothing in it."""
    with Redis.from_url(stack.redis_url) as server:
        server.flushdb()
        yield stack.redis_url
        server.flushdb()


@pytest.fixture
def quick_flink(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounded jobs run in the process that stays: half a minute less each than with a Flink of their own."""
    monkeypatch.setattr(flink, "run", submitter.flink_run)


@pytest.fixture
def topic_name() -> Callable[[str], str]:
    """Makes a topic name that no other test has, for a dataset such as `trades`."""
    return lambda dataset: f"test.{dataset}.{uuid4().hex}"
