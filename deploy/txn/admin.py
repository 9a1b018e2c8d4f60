"""Kafka's administration of transactions, which its Python client lacks: a Java process that is asked in JSON lines."""

import json
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import IO, Any, NamedTuple, Self

from pydantic import BaseModel

from deploy import core
from deploy.errors import UserError
from jobs import clients
from jobs.settings import Settings

MAIN_CLASS = "tickloom.transactions.TransactionAdmin"
QUIET = ("-Dlog4j2.level=OFF", "-Dlog4j2.statusLoggerLevel=OFF")
JVM = ("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *QUIET)
PATIENCE = {"request.timeout.ms": "10000", "default.api.timeout.ms": "15000", "max.block.ms": "15000"}
REPLY_TIMEOUT_S = 90
END_TIMEOUT_S = 5
MASK = "****"


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class Described(BaseModel, frozen=True):
    """A transaction as its coordinator knows it, its state in Kafka's words; `started_ms` (Unix) is set while open."""

    id: str
    state: str
    producer_id: int
    epoch: int
    started_ms: int | None
    timeout_ms: int
    partitions: tuple[Place, ...]


class Writer(BaseModel, frozen=True):
    """A producer whose transaction has records in a partition, from this offset on."""

    producer_id: int
    epoch: int
    first_offset: int


class Log(BaseModel, frozen=True):
    """A partition as its leader knows it: last stable offset, high watermark, and who has a transaction open."""

    topic: str
    partition: int
    stable: int
    end: int
    writers: tuple[Writer, ...]

    @property
    def place(self) -> Place:
        """Which partition this is."""
        return Place(self.topic, self.partition)


class AdminError(UserError):
    """Kafka refused; `kind` is the name of its exception."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class TransactionAdmin:
    """A client of the brokers of the settings, as a context. Raises UserError when they do not answer or refuse."""

    def __init__(self, settings: Settings) -> None:
        self._brokers = settings.brokers
        self._client = {**PATIENCE, **clients.kafka_in_java(settings)}
        secrets = (settings.kafka_password, *settings.kafka_properties.values())
        self._secrets = [each.get_secret_value() for each in secrets]

    def __enter__(self) -> Self:
        class_path = ":".join(str(jar) for jar in [*core.class_path(), core.build(core.TRANSACTIONS)])
        self._errors: IO[str] = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            [str(core.java()), *JVM, *core.shared_classes("transactions"), "-cp", class_path, MAIN_CLASS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is for this process: the other ends with its input
        )
        try:
            self._ask("connect", client=self._client)
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind:  # it may be waiting for a broker
            self._process.kill()
        self._end()

    def open(self) -> list[Described]:
        """Every transaction that is not complete, of whatever client."""
        return [Described.model_validate(each) for each in self._ask("list")]

    def describe(self, ids: Iterable[str]) -> list[Described]:
        """The transactions of these ids, open or not; those that the coordinator does not know are left out."""
        return [Described.model_validate(each) for each in self._ask("describe", ids=list(ids))]

    def partitions(self, asked: Iterable[Place] = ()) -> dict[Place, Log]:
        """Every partition whose last stable offset is behind its end, and those asked for that exist."""
        logs = [Log.model_validate(each) for each in self._ask("partitions", asked=list(asked))]
        return {log.place: log for log in sorted(logs, key=lambda log: log.place)}

    def end(self, transaction_id: str, producer_id: int, epoch: int, *, commit: bool) -> None:
        """Commit or abort this very transaction.

        Raises AdminError, also when its producer has been fenced or has begun another one.
        """
        self._ask("end", id=transaction_id, producer_id=producer_id, epoch=epoch, commit=commit)

    def _ask(self, what: str, **details: Any) -> Any:
        line = self._exchange(json.dumps({"do": what, **details}))
        if not line:
            raise UserError(f"the Java process of `tickloom txn` ended: {self._last_words()}")
        reply: Mapping[str, Any] = json.loads(line)
        if "error" in reply:
            raise AdminError(reply["error"], self._masked(f"Kafka at {self._brokers}: {_told(reply)}"))
        return reply["answer"]

    def _exchange(self, request: str) -> str:
        assert self._process.stdin
        assert self._process.stdout
        watchdog = threading.Timer(REPLY_TIMEOUT_S, self._process.kill)
        watchdog.start()
        try:
            print(request, file=self._process.stdin, flush=True)
            return self._process.stdout.readline()
        except BrokenPipeError:
            return ""
        finally:
            watchdog.cancel()

    def _end(self) -> None:
        try:
            self._process.communicate(timeout=END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        finally:
            self._errors.close()

    def _last_words(self) -> str:
        self._process.wait(END_TIMEOUT_S)
        self._errors.seek(0)
        lines = self._errors.read().splitlines()
        return self._masked(lines[0]) if lines else f"exit code {self._process.returncode}"

    def _masked(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK) if secret else text
        return text


def _told(reply: Mapping[str, Any]) -> str:
    message = " ".join(str(reply["message"]).split())
    return f"{reply['error']}: {message}"
