"""One process at a time in a folder."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from deploy.errors import UserError


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Waits for another process that is in the folder."""
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def hold(lock: TextIO, folder: Path) -> None:
    """Lock a folder's file for as long as it is open here or in a process that inherits it.

    Raises UserError, with the process id that the file says (see `sign`), when another process has locked it.
    """
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        raise UserError(f"process {lock.read().strip()} works in {folder} already: end it first") from error


def sign(lock: TextIO, process_id: int) -> None:
    """Write into a file that is locked who works in its folder."""
    lock.truncate(0)
    print(process_id, file=lock, flush=True)
