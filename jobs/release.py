"""What a job on a cluster tells of itself to whoever is to go on from its state, and how such a successor waits.

A successor does everything slow (planning, starting processes) before the job before it is stopped. It runs with
TICKLOOM_PREPARED, a folder: it writes `release` there, and starts once `start` is there, with the options in it.
"""

import base64
import json
import os
import sys
import time
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from jobs.plans import Operator
from jobs.settings import Settings

PARAMETER = "tickloom.release"
"""Global parameter of a job that holds its release, encoded."""
PREPARED = "TICKLOOM_PREPARED"
POLL_S = 0.02
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Release:
    """A job as it was started. `settings` are environment variables, without secrets.

    `before` is the release it took the state over from, encoded and without its own; none when it began anew.
    """

    home: Path
    """The folder with its code."""
    command: Path
    """The `tickloom` of its environment."""
    settings: dict[str, str]
    operators: tuple[Operator, ...]
    before: str = ""

    @property
    def prefix(self) -> str:
        """Where its transactional ids begin."""
        return self.settings["TICKLOOM_TRANSACTIONAL_ID_PREFIX"]

    @classmethod
    def here(cls, settings: Settings, operators: list[Operator]) -> Self:
        """That of this code."""
        return cls(ROOT, Path(sys.executable).with_name("tickloom"), settings.without_secrets(), tuple(operators))

    def encoded(self) -> str:
        """As a word: Flink's maps have signs of their own."""
        told = {
            "home": str(self.home),
            "command": str(self.command),
            "settings": self.settings,
            "operators": [each.to_dict() for each in self.operators],
            "before": self.before,
        }
        return base64.urlsafe_b64encode(zlib.compress(json.dumps(told).encode())).decode().rstrip("=")

    @classmethod
    def decoded(cls, word: str) -> Self:
        """The reverse of `encoded`."""
        told = json.loads(zlib.decompress(base64.urlsafe_b64decode(word + "==")))
        operators = tuple(map(Operator.from_dict, told["operators"]))
        return cls(Path(told["home"]), Path(told["command"]), told["settings"], operators, told["before"])


@dataclass(frozen=True)
class Start:
    """What a successor is told: Flink's options to start with, and the release whose state it takes over, encoded."""

    options: dict[str, str]
    before: str = ""

    def write(self, folder: Path) -> None:
        """Let the successor that waits there start."""
        written = folder / "start.part"
        written.write_text(json.dumps(asdict(self)))
        written.rename(folder / "start")


def start_at_once() -> None:
    """For a job that has no compiled plan: exits when it is to tell its state and wait."""
    if PREPARED in os.environ:
        sys.exit("tickloom: a job with steps in Python has no compiled plan, so it cannot tell what state it has")


def await_start(release: Release) -> Start:
    """How to start: at once and anew, unless this is a successor.

    Exits when the folder has gone: whoever prepared the job has changed his mind.
    """
    if PREPARED not in os.environ:
        return Start({})
    folder = Path(os.environ[PREPARED])
    written = folder / "release.part"
    written.write_text(release.encoded())
    written.rename(folder / "release")
    while not (folder / "start").exists():
        if not folder.exists():
            sys.exit("tickloom: not started: its preparation was given up")
        time.sleep(POLL_S)
    return Start(**json.loads((folder / "start").read_text()))
