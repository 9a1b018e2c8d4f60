"""Raw messages of a venue in a file, as they came: a line each, `<receive time> <message>`."""

import lzma
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import IO, NamedTuple

from services.oracle import SECOND_NS


class Line(NamedTuple):
    """A message, and when it came (nanoseconds, wall clock)."""

    received_ns: int
    message: str


def lines(file: Path) -> Iterator[Line]:
    """The messages of a capture, in their order. Raises ValueError naming the line that is none, OSError.

    Receive times are nanoseconds, or seconds with a fraction and a colon behind. What begins with an address is a note
    of the recorder.
    """
    with _opened(file, "rt") as text:
        for number, line in enumerate(text, 1):
            if line.startswith("ws") or not line.strip():
                continue
            time, _, message = line.rstrip("\n").partition(" ")
            try:
                yield Line(int(Decimal(time[:-1]) * SECOND_NS) if time.endswith(":") else int(time), message)
            except (ArithmeticError, ValueError):
                raise ValueError(f"{file}:{number}: begins with no receive time") from None


class CaptureError(Exception):
    """A capture cannot be written. (Not an OSError: that is what a lost connection is.)"""


class Recorder:
    """Writes a capture; compressed when the file's name ends with `.xz`. Close it. Raises CaptureError."""

    def __init__(self, file: Path) -> None:
        with _told(file):
            self._file = _opened(file, "wt")
        self._name = file

    def write(self, line: Line) -> None:
        """Append a message."""
        with _told(self._name):
            self._file.write(f"{line.received_ns} {line.message}\n")

    def close(self) -> None:
        """Let everything be in the file."""
        with _told(self._name):
            self._file.close()


@contextmanager
def _told(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CaptureError(f"{file}: {error.strerror}") from error


def _opened(file: Path, mode: str) -> IO[str]:
    return lzma.open(file, mode) if file.suffix == ".xz" else file.open(mode)  # type: ignore[return-value]
