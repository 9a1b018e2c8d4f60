"""Releases of a job: what runs, what another version would make of its state, and one that waits to go on from it."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import IO

from deploy import flink, jobs, savepoints
from deploy.errors import UserError
from jobs.plans import Difference, difference
from jobs.release import PARAMETER, PREPARED, Release, Start
from jobs.settings import Settings

PREPARATION_TIMEOUT_S = 180
START_TIMEOUT_S = 60
POLL_S = 0.05


def running(job: str, address: str, prefix: str | None = None) -> Release:
    """The release that the job that runs, of a deployment if one is named, says it is.

    Raises UserError when none runs, or it does not say.
    """
    word = jobs.parameter(savepoints.running(job, address, prefix), address, PARAMETER)
    if not word:
        raise UserError(
            f"{job} does not tell what state it has, so nothing can be compared: jobs with steps in Python do not. "
            f"`tickloom stop {job}`, then `tickloom submit {job} --from PATH`"
        )
    return Release.decoded(word)


@dataclass(frozen=True)
class Prepared:
    """A process that plans a job and then waits to start it."""

    job: str
    settings: Settings
    folder: Path
    process: "subprocess.Popen[str]"
    said: IO[str]

    @cached_property
    def release(self) -> Release:
        """What it has planned, once it has; the schemas are registered meanwhile.

        Raises UserError with the root cause, RegistryError likewise.
        """
        jobs.register(self.job, self.settings)
        deadline = time.monotonic() + PREPARATION_TIMEOUT_S
        found = self.folder / "release"
        while not found.exists():
            if self.process.poll() is not None:
                raise UserError(f"{self.job} did not wait: {flink.printed(self.job, self.process, self.said)[-300:]}")
            if time.monotonic() > deadline:
                raise UserError(f"{self.job} was not planned within {PREPARATION_TIMEOUT_S} s")
            time.sleep(POLL_S)
        return Release.decoded(found.read_text())

    def compared(self, before: Release) -> Difference:
        """What becomes of the state of the release before."""
        return difference(list(before.operators), list(self.release.operators))

    def start(self) -> str:
        """Begin anew; returns the job's id. Raises UserError with the root cause."""
        return self._start(Start({}))

    def go_on(self, savepoint: str, before: Release) -> str:
        """Start from a savepoint of the release before; returns the job's id. Raises UserError with the root cause."""
        unclaimed = {"execution.state-recovery.ignore-unclaimed-state": "true"}
        options = {"execution.state-recovery.path": savepoint, **(unclaimed if self.compared(before).dropped else {})}
        return self._start(Start(options, replace(before, before="").encoded()))

    def _start(self, start: Start) -> str:
        _ = self.release  # the schemas are registered, and it waits
        start.write(self.folder)
        try:
            self.process.wait(START_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise UserError(f"{self.job} was not submitted within {START_TIMEOUT_S} s") from None
        return flink.job_id(flink.printed(self.job, self.process, self.said))


@contextmanager
def prepared(job: str, settings: Settings, address: str) -> Iterator[Prepared]:
    """Everything slow, up to the moment when the job needs a cluster, or the state of the one before it.

    A preparation that is left without a start is given up.
    """
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+", errors="replace") as said:
        environment = jobs.client_environment(settings, address) | {PREPARED: folder}
        process = flink.launch(job, [], jobs.remote(address), environment, said)
        try:
            yield Prepared(job, settings, Path(folder), process, said)
        finally:
            flink.end(process)
