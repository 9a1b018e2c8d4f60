"""`tickloom upgrade`: another version of a job goes on from the state of the one that runs, or the old one does."""

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from deploy import jobs, releases, rest, savepoints
from deploy.errors import UserError
from deploy.pause import Watch
from deploy.releases import Prepared
from jobs.plans import Difference
from jobs.release import Release
from jobs.settings import Settings

VERIFICATION_TIMEOUT_S = 60
RETURN_TIMEOUT_S = 180
POLL_S = 0.1

Report = Callable[[str], None]


@dataclass(frozen=True)
class Upgraded:
    """A job that goes on: its id, where the state was handed over, and what a reader saw of it."""

    job_id: str
    savepoint: str
    stopped_s: float
    """From the order to stop to every task of the new version running."""
    pause_s: float | None
    """The longest time without a newly committed record; None when none came after the switch."""
    windows: tuple[int, int] | None
    """From when until when candles came meanwhile, in event time (nanoseconds): what an audit can prove."""


def upgrade(job: str, settings: Settings, address: str, report: Report, told: Callable[[Difference], None]) -> Upgraded:
    """Prepare, stop, start, verify. `report` is told each step in words, `told` what becomes of the state.

    Raises UserError when the old version runs on, or again; its text says which.
    """
    before = releases.running(job, address, settings.transactional_id_prefix)
    report(f"planning {job} as {address} shall run it; the old version runs on meanwhile")
    with releases.prepared(job, settings, address) as successor:
        found = successor.compared(before)
        told(found)
        _check(job, found, settings, address)
        with Watch(settings) as seen:
            return _switch(job, before, successor, seen, address, report)


def _check(job: str, found: Difference, settings: Settings, address: str) -> None:
    if found.refused:
        raise UserError(
            f"{job} runs on as it was: {'; '.join(found.refused)}. The new version can build its state beside the old "
            'one and take over at the start of a window: see README, "Side by side"'
        )
    slots = int(rest.of(address).get("/overview")["slots-total"])
    if settings.parallelism > slots:
        raise UserError(f"{job} runs on as it was: parallelism {settings.parallelism}, but {address} has {slots} slots")


def _switch(job: str, before: Release, successor: Prepared, seen: Watch, address: str, report: Report) -> Upgraded:
    report("stopping with a savepoint")
    began = time.monotonic()
    savepoint = savepoints.stop(job, address, before.prefix, drain=False).path
    report(f"starting from {savepoint}")
    job_id = None
    try:
        job_id = successor.go_on(savepoint, before)
        jobs.await_running(job_id, address)
        stopped_s = time.monotonic() - began
        report(f"{stopped_s:.1f} s after the order to stop all tasks run; waiting for a checkpoint")
        _await_checkpoint(job, job_id, address)
        seen.await_candle()
        seen.check()
    except BaseException as error:
        raise _return(job, before, job_id, savepoint, address, error) from error
    return Upgraded(job_id, savepoint, stopped_s, seen.pause_s(), seen.windows())


def _await_checkpoint(job: str, job_id: str, address: str) -> None:
    """A first one is asked for at once: it commits what the new version has written."""
    rest.of(address).request("POST", f"/jobs/{job_id}/checkpoints", {})
    deadline = time.monotonic() + VERIFICATION_TIMEOUT_S
    while time.monotonic() < deadline:
        if jobs.has_ended(job_id, address):
            raise UserError(f"{job} ended")
        if rest.of(address).get(f"/jobs/{job_id}/checkpoints")["counts"]["completed"]:
            return
        time.sleep(POLL_S)
    raise UserError(f"no checkpoint within {VERIFICATION_TIMEOUT_S} s: {jobs.failure(job_id, address)}")


def _return(
    job: str, before: Release, job_id: str | None, savepoint: str, address: str, error: BaseException
) -> UserError:
    """Let the old version go on, from what the new one has committed when it has; what to tell of it."""
    newest = savepoint
    if job_id:
        newest = _cancelled(job_id, address) or savepoint
    command = [str(before.command), "submit", job, "--cluster", address, "--from", newest]
    result = subprocess.run(
        command,
        cwd=before.home,
        env={**os.environ, **before.settings},
        capture_output=True,
        text=True,
        timeout=RETURN_TIMEOUT_S,
        check=False,
    )
    if result.returncode != 0:
        return UserError(
            f"{job} is stopped: the new version failed ({error}), and so did the old one ({result.stderr.strip()}). "
            f"Its state is in {newest}: `tickloom submit {job} --from {newest}`"
        )
    return UserError(f"{job} runs as it was, from {newest}: the new version failed ({error})")


def _cancelled(job_id: str, address: str) -> str | None:
    """Cancel a job; where its last completed checkpoint is, if there is one."""
    if not _is_over(job_id, address):
        rest.of(address).request("PATCH", f"/jobs/{job_id}?mode=cancel")
    deadline = time.monotonic() + VERIFICATION_TIMEOUT_S
    while not _is_over(job_id, address):
        if time.monotonic() > deadline:
            raise UserError(f"job {job_id} could not be cancelled: {jobs.page(job_id, address)}")
        time.sleep(POLL_S)
    refresh_ms = int(rest.of(address).get("/config")["refresh-interval"])
    time.sleep(refresh_ms / 1_000 + POLL_S)  # answers may be that old, and older checkpoints are deleted
    last = rest.of(address).get(f"/jobs/{job_id}/checkpoints")["latest"]["completed"]
    return str(last["external_path"]) if last else None


def _is_over(job_id: str, address: str) -> bool:
    return str(rest.of(address).get(f"/jobs/{job_id}")["state"]) in jobs.ENDED
