"""`tickloom reference run` on a database of a test's own, and what it has made of the tables' changes."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import psycopg
from confluent_kafka import Consumer, Message, TopicPartition

from deploy.stack import Stack
from schemas.topics import INSTRUMENTS
from services.projections.postgres import Postgres
from tests.integration import stacks
from tests.integration.candle_job import wait_until

READER = {"group.id": "capturing", "enable.partition.eof": True, "auto.offset.reset": "earliest"}
END_TIMEOUT_S = 30


class Change(NamedTuple):
    """A message of a topic of changes; without a value, the end of its key."""

    key: dict[str, Any]
    value: dict[str, Any] | None


class Capture:
    """A running service; leaving `started` ends it, also when it was killed."""

    def __init__(self, stack: Stack, url: str, log: Path, flags: Sequence[str], variables: Mapping[str, str]) -> None:
        self.log = log
        environment = {**stacks.environment(stack.folder), "TICKLOOM_POSTGRES_URL": url, **variables}
        command = stacks.command("reference", "run", *flags)
        self.process = subprocess.Popen(command, env=environment, stdout=log.open("a"), stderr=subprocess.STDOUT)

    def worker(self) -> psutil.Process:
        """The JVM, once there is one."""
        wait_until(lambda: bool(self._children()), "Kafka Connect")
        return self._children()[0]

    def kill(self) -> None:
        """End both processes as a power cut does."""
        victims = [psutil.Process(self.process.pid), *self._children()]
        for each in victims:
            each.kill()
        psutil.wait_procs(victims, END_TIMEOUT_S)
        self.process.wait(END_TIMEOUT_S)

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            assert self.process.wait(END_TIMEOUT_S) == 0, self.log.read_text()

    def _children(self) -> list[psutil.Process]:
        return [] if self.process.poll() is not None else psutil.Process(self.process.pid).children()


@contextmanager
def capturing(stack: Stack, url: str, log: Path, *flags: str, **variables: str) -> Iterator[Capture]:
    """A service, with further flags and environment variables, that has begun to capture a database's changes."""
    capture = Capture(stack, url, log, flags, variables)
    try:
        before = len(changes(stack, heartbeats=True))
        wait_until(lambda: capture.process.poll() is not None or _beats(stack, before), "a heartbeat")
        assert capture.process.poll() is None, log.read_text()
        yield capture
    finally:
        capture.stop()


def migrated(url: str) -> str:
    """The database with its tables."""
    with closing(Postgres(url)) as store:
        store.prepare()
    return url


def await_server(url: str) -> str:
    """The database once its server answers again."""

    def answers() -> bool:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            time.sleep(1)
            return False
        return True

    wait_until(answers, "the server")
    return url


def changes(stack: Stack, symbols: str = "", topic: str = INSTRUMENTS, *, heartbeats: bool = False) -> list[Change]:
    """What is on a topic now, of symbols that begin so."""
    consumer = Consumer({**READER, **stack.kafka_client()})
    try:
        if topic not in consumer.list_topics(timeout=END_TIMEOUT_S).topics:
            return []
        consumer.assign([TopicPartition(topic, 0, 0)])
        found = [_change(message) for message in _to_end(consumer)]
    finally:
        consumer.close()
    return [each for each in found if heartbeats or each.key.get("symbol", "-").startswith(symbols)]


def rows(found: list[Change]) -> dict[tuple[str, ...], dict[str, Any]]:
    """Of every key what its last message says: the table."""
    last = {tuple(each.key.values()): each.value for each in found}
    return {key: value["after"] for key, value in last.items() if value is not None}


def _beats(stack: Stack, before: int) -> bool:
    later = changes(stack, heartbeats=True)[before:]
    return any("id" in each.key for each in later)


def _to_end(consumer: Consumer) -> Iterator[Message]:
    while True:
        for message in consumer.consume(1_000, 1):
            if message.error():
                return
            yield message


def _change(message: Message) -> Change:
    value = message.value()
    return Change(json.loads(message.key() or b"{}"), json.loads(value) if value else None)
