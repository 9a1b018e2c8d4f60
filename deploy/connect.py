"""A standalone worker of Kafka Connect with one connector: a process of its own, watched by its REST API."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

import httpx

from deploy import core, downloads, jars
from deploy.errors import UserError
from deploy.flink import root_cause
from deploy.locks import hold, sign
from deploy.stack import ports
from deploy.stack.security import write_private

MAIN_CLASS = "org.apache.kafka.connect.cli.ConnectStandalone"
LOGGING = {"defaultLogLevel": "warn", "showDateTime": "true", "dateTimeFormat": "yyyy-MM-dd HH:mm:ss,SSS"}
JVM = ("-Xmx256m", "-XX:+UseSerialGC", *(f"-Dorg.slf4j.simpleLogger.{name}={value}" for name, value in LOGGING.items()))
JSON = "org.apache.kafka.connect.json.JsonConverter"
OFFSETS = "offsets"
"""The file in its folder that says how far the connector has read."""
STOP_TIMEOUT_S = 15
CALL_TIMEOUT_S = 10


class ConnectorError(Exception):
    """The connector has failed: one line. It can be tried again."""


class Worker:
    """A worker that has been started in a folder."""

    def __init__(self, folder: Path, connector: str, port: int, lock: TextIO) -> None:
        self.log = folder / "connect.log"
        self._connector = f"/connectors/{connector}"
        self._rest = httpx.Client(base_url=f"http://{ports.HOST}:{port}", timeout=CALL_TIMEOUT_S, trust_env=False)
        files = (str(folder / name) for name in ("worker.properties", "connector.properties"))
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [*_java(), *files],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for this process, which ends the other
                pass_fds=[lock.fileno()],  # a worker outlives its parent's SIGKILL: it holds the folder still
            )
        sign(lock, self._process.pid)

    def runs(self) -> bool:
        """Whether the connector runs; not yet is false.

        Raises ConnectorError when it has failed, UserError when the worker has ended.
        """
        if self._process.poll() is not None:
            raise UserError(
                f"Kafka Connect ended: {root_cause(self.log.read_text(errors='replace'))} (log: {self.log})"
            )
        with suppress(httpx.HTTPError):  # it does not listen yet, or is busy
            answer = self._rest.get(f"{self._connector}/status")
            if answer.status_code == httpx.codes.OK:
                return _all_run([answer.json()["connector"], *answer.json()["tasks"]])
        return False

    def restart(self) -> None:
        """Start the parts of the connector that have failed again."""
        with suppress(httpx.HTTPError):  # the next look tells
            failed = {"includeTasks": "true", "onlyFailed": "true"}
            self._rest.post(f"{self._connector}/restart", params=failed)

    def stop(self) -> None:
        """End it, its offsets written."""
        self._rest.close()
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def started(
    folder: Path, client: Mapping[str, str], connector: Mapping[str, object], secrets: Mapping[str, str]
) -> Iterator[Worker]:
    """A worker that is stopped afterwards; its jars are fetched the first time. Its offsets are kept in the folder.

    `client` are properties of Kafka's Java client, `connector` those of the connector, which names a secret as `secret`
    does. Raises UserError when another one works in the folder.
    """
    downloads.fetch(["connect"])
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+") as lock:
        hold(lock, folder)
        port = ports.free(1)[0]
        write_private(folder / "secrets.properties", properties(secrets))
        write_private(folder / "worker.properties", properties(_settings(folder, client, port)))
        write_private(folder / "connector.properties", properties(connector))
        worker = Worker(folder, str(connector["name"]), port, lock)
        try:
            yield worker
        finally:
            worker.stop()


def secret(folder: Path, name: str) -> str:
    """What a connector's settings, which its REST API shows, have in the place of a secret."""
    return f"${{file:{folder / 'secrets.properties'}:{name}}}"


def properties(values: Mapping[str, object]) -> str:
    """A Java properties file."""
    return "".join(f"{name}={_escaped(str(value))}\n" for name, value in values.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")


def _settings(folder: Path, client: Mapping[str, str], port: int) -> dict[str, object]:
    without_schemas = {f"{side}.converter.schemas.enable": "false" for side in ("key", "value")}
    return {
        **client,
        **{f"producer.{name}": value for name, value in client.items()},
        "key.converter": JSON,
        "value.converter": JSON,
        **without_schemas,
        "listeners": f"http://{ports.HOST}:{port}",
        "plugin.discovery": "only_scan",
        "offset.storage.file.filename": folder / OFFSETS,
        "offset.flush.interval.ms": 1_000,
        "topic.creation.enable": "false",
        "config.providers": "file",
        "config.providers.file.class": "org.apache.kafka.common.config.provider.FileConfigProvider",
    }


def _all_run(parts: list[dict[str, str]]) -> bool:
    for part in parts:
        if part["state"] == "FAILED":
            raise ConnectorError(root_cause(part.get("trace", "")))
    return len(parts) > 1 and all(part["state"] == "RUNNING" for part in parts)


def _java() -> list[str]:
    class_path = ":".join(str(jar) for jar in jars.group("connect"))
    return [str(core.java()), *JVM, *core.shared_classes("connect"), "-cp", class_path, MAIN_CLASS]
