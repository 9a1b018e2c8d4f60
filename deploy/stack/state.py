"""What is known of a stack: a state file naming its supervisor and addresses, and the live processes."""

from pathlib import Path

import psutil
from pydantic import BaseModel, ValidationError

from deploy import paths
from deploy.stack import postgres, redis
from deploy.stack.ports import HOST, Ports
from deploy.stack.security import Security

PARTS = ("zookeeper", "kafka", "registry", "jobmanager", "taskmanager", "postgres", "redis")
"""In the order they start; they stop in the reverse order."""
FOLDER_VARIABLE = "TICKLOOM_PART_OF"
NAME_VARIABLE = "TICKLOOM_PART"
"""In the environment of every process of a stack: the stack's folder, and the part's name."""


class Stack(BaseModel, frozen=True):
    """A stack that was started; `supervisor_started` (Unix seconds) guards against a pid used again."""

    folder: Path
    ports: Ports
    supervisor_pid: int
    supervisor_started: float
    secured_with: Path | None = None
    """The folder of deploy.stack.security, when it is secured."""

    @property
    def security(self) -> Security | None:
        """What it is secured with."""
        return Security(self.secured_with) if self.secured_with else None

    @property
    def bootstrap_servers(self) -> str:
        """Address of the broker."""
        return f"{HOST}:{self.ports.kafka}"

    @property
    def registry_url(self) -> str:
        """Base URL of the registry's Confluent-compatible API."""
        return f"{self._scheme}://{HOST}:{self.ports.registry}/apis/ccompat/v7"

    @property
    def flink_address(self) -> str:
        """host:port of the cluster's REST API."""
        return f"{HOST}:{self.ports.flink}"

    @property
    def flink_rest_url(self) -> str:
        """Base URL of the cluster's REST API; its web UI in a browser."""
        return f"{self._scheme}://{self.flink_address}"

    @property
    def _scheme(self) -> str:
        return "https" if self.secured_with else "http"

    def kafka_client(self) -> dict[str, str]:
        """Properties of a Kafka client in Python, which may do everything."""
        secured = self.security.kafka_client() if self.security else {}
        return {"bootstrap.servers": self.bootstrap_servers, "log_level": "0", **secured}

    def registry_client(self) -> dict[str, str]:
        """Properties of a client of the registry, as for schemas.registry.connect, which may do everything."""
        return {"url": self.registry_url, **(self.security.registry_client() if self.security else {})}

    @property
    def postgres_url(self) -> str:
        """Of the database, with user and password."""
        return postgres.url(self.folder, self.ports)

    @property
    def redis_url(self) -> str:
        """Of the cache, with the password."""
        return redis.url(self.folder, self.ports)

    @property
    def lake(self) -> str:
        """URI of the folder with the tables of the lake; the database is their catalog."""
        return (self.folder / "lake").as_uri()

    @property
    def flink_conf(self) -> Path:
        """Configuration folder of the cluster; as FLINK_CONF_DIR it makes `flink run` submit to it."""
        return self.folder / "flink" / "conf"

    @property
    def pids(self) -> dict[str, int]:
        """Process id of each part that is alive; also the id of its process group."""
        return {name: process.pid for name, process in self.processes().items()}

    def processes(self) -> dict[str, psutil.Process]:
        """The live process of each part, in the order of PARTS."""
        supervisor = self.supervisor()
        try:
            children = supervisor.children() if supervisor else []
        except psutil.NoSuchProcess:  # ended since it was looked up
            children = []
        named = {_variables(child).get(NAME_VARIABLE): child for child in children}
        return {name: named[name] for name in PARTS if name in named}

    def supervisor(self) -> psutil.Process | None:
        """The supervising process, or None when it has ended."""
        try:
            process = psutil.Process(self.supervisor_pid)
            same = abs(process.create_time() - self.supervisor_started) < 1
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def log(self, part: str) -> Path:
        """Log file of a part."""
        return self.folder / "logs" / f"{part}.log"

    def save(self) -> None:
        """Write the state file."""
        file = _file(self.folder)
        partial = file.with_suffix(".partial")
        partial.write_text(self.model_dump_json(indent=2) + "\n")
        partial.rename(file)

    def forget(self) -> None:
        """Remove the state file."""
        _file(self.folder).unlink(missing_ok=True)


def running(folder: Path = paths.STACK) -> Stack | None:
    """The stack of a folder when its supervisor is alive, whether its parts are healthy or not."""
    try:
        stack = Stack.model_validate_json(_file(folder).read_text())
    except (FileNotFoundError, ValidationError):
        return None
    return stack if stack.supervisor() else None


def left_over(folder: Path) -> list[psutil.Process]:
    """Every process of this folder's stack, known by its environment, whoever its parent is now."""
    mark = str(folder.resolve())
    return [process for process in psutil.process_iter() if _variables(process).get(FOLDER_VARIABLE) == mark]


def _variables(process: psutil.Process) -> dict[str, str]:
    try:
        return dict(process.environ())
    except (psutil.Error, OSError):  # ended meanwhile, or not ours to look at
        return {}


def _file(folder: Path) -> Path:
    return folder / "stack.json"
