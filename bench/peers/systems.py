"""Other systems that can make candles: what each guarantees, how it is installed and started.

Those on the JVM are in `jvm`, compiled on demand; those in Python have an environment of their own each.
"""

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.output import ORDERLESS, VALUES
from bench.tape import PARTITIONS
from deploy import core, downloads, jars, paths
from deploy.errors import UserError

FOLDER = Path(__file__).parent
SOURCES = core.Sources(FOLDER / "jvm", "tickloom-peers", ("streams", "jet"))
HEAP = "-Xmx2g"


class Peer(Protocol):
    """A system. Both methods raise UserError."""

    @property
    def guarantee(self) -> str:
        """In short."""

    @property
    def exact(self) -> Sequence[str]:
        """The values of its candles that must be right."""

    @property
    def is_slow(self) -> bool:
        """Whether a long tape would take it too long."""

    def install(self) -> None:
        """Fetch what is missing."""

    def commands(self, work: Path) -> list[list[str]]:
        """What starts its processes; `work` is an empty folder of theirs."""


@dataclass(frozen=True)
class JavaPeer:
    """A class of `jvm` with the jars of a group."""

    main: str
    group: str
    guarantee: str
    is_slow: bool = False
    exact: Sequence[str] = VALUES

    def install(self) -> None:
        """Fetch jars and compile."""
        downloads.fetch(SOURCES.groups)  # the sources are compiled together
        core.build(SOURCES)

    def commands(self, work: Path) -> list[list[str]]:
        """One process."""
        class_path = ":".join(map(str, [core.build(SOURCES), *jars.group(self.group)]))
        return [[str(core.java()), HEAP, "-cp", class_path, self.main]]


@dataclass(frozen=True)
class PythonPeer:
    """A program of this folder in an environment of its own."""

    name: str
    packages: Sequence[str]
    arguments: Callable[[Path, int], list[str]]
    guarantee: str
    is_slow: bool = True
    exact: Sequence[str] = VALUES

    @property
    def _environment(self) -> Path:
        return paths.STATE / "peers" / self.name

    def install(self) -> None:
        """Make the environment."""
        python = str(self._environment / "bin" / "python")
        if not self._environment.exists():
            _uv("venv", "--quiet", "--python", sys.executable, str(self._environment))
        _uv("pip", "install", "--quiet", "--python", python, *self.packages)

    def commands(self, work: Path) -> list[list[str]]:
        """A process for each partition: Python runs on one core."""
        if not self._environment.exists():
            raise UserError(f"{self.name} is not installed: `make bench-peers` installs it")
        python = str(self._environment / "bin" / "python")
        return [[python, *self.arguments(work, number)] for number in range(PARTITIONS)]


def _uv(*arguments: str) -> None:
    result = subprocess.run([sys.executable, "-m", "uv", *arguments], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise UserError(f"uv {' '.join(arguments)}: {result.stderr.strip()}")


def _bytewax(work: Path, number: int) -> list[str]:
    flow = str(FOLDER / "bytewax_candles.py")
    return ["-m", "bytewax.run", flow, "-i", str(number), "-a", "localhost:21011;localhost:21012"]


def _quix(work: Path, number: int) -> list[str]:
    return [str(FOLDER / "quix_candles.py")]


PEERS: dict[str, Peer] = {
    "jet": JavaPeer("Jet", "jet", "exactly once; snapshots in the memory of its one member"),
    "streams": JavaPeer("Streams", "streams", "exactly once (v2); stores in memory, with a changelog"),
    "limit": JavaPeer("Limit", "streams", "none: no engine, no state, no transaction"),
    "bytewax": PythonPeer("bytewax", ["bytewax==0.21.1", "confluent-kafka", "fastavro"], _bytewax, "at least once"),
    "quix": PythonPeer(
        "quix", ["quixstreams[avro]==3.28.1"], _quix, "exactly once; open and close by the millisecond", exact=ORDERLESS
    ),
}
