"""Releases of a job: what runs, what another version would make of its state, and one that waits to go on from it."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from deploy import flink, jobs, savepoints
from deploy.errors import UserError
from jobs.plans import Difference, difference
from jobs.release import PARAMETER, PREPARED, Release, Start
from jobs.settings import Settings
from schemas import registry

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
    """A process that has planned a job and waits to start it."""

    job: str
    folder: Path
    process: "subprocess.Popen[str]"
    said: IO[str]
    release: Release

    def compared(self, before: Release) -> Difference:
        """What becomes of the state of the release before."""
        return difference(list(before.operators), list(self.release.operators))

    def start(self, savepoint: str, before: Release) -> str:
        """Go on from a savepoint of the release before; returns the job's id. Raises UserError with the root cause."""
        unclaimed = {"execution.state-recovery.ignore-unclaimed-state": "true"}
        options = {"execution.state-recovery.path": savepoint, **(unclaimed if self.compared(before).dropped else {})}
        Start(options, replace(before, before="").encoded()).write(self.folder)
        try:
            self.process.wait(START_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise UserError(f"{self.job} was not submitted within {START_TIMEOUT_S} s") from None
        return flink.job_id(flink.printed(self.job, self.process, self.said))


@contextmanager
def prepared(job: str, settings: Settings, address: str) -> Iterator[Prepared]:
    """Everything slow, up to the moment when the job needs the state of the one before it.

    Raises UserError with the root cause. A preparation that is left without a start is given up.
    """
    registry.register(settings.registry_client(), settings.candle_names)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+", errors="replace") as said:
        environment = jobs.client_environment(settings, address) | {PREPARED: folder}
        process = flink.launch(job, [], jobs.remote(address), environment, said)
        try:
            yield _await_plan(job, Path(folder), process, said)
        finally:
            flink.end(process)


def _await_plan(job: str, folder: Path, process: "subprocess.Popen[str]", said: IO[str]) -> Prepared:
    deadline = time.monotonic() + PREPARATION_TIMEOUT_S
    found = folder / "release"
    while not found.exists():
        if process.poll() is not None:
            raise UserError(f"{job} did not wait: {flink.printed(job, process, said)[-300:]}")
        if time.monotonic() > deadline:
            raise UserError(f"{job} was not planned within {PREPARATION_TIMEOUT_S} s")
        time.sleep(POLL_S)
    return Prepared(job, folder, process, said, Release.decoded(found.read_text()))
