"""Savepoints of jobs on a cluster, by its REST API: stop with one, list those that it remembers."""

import re
import time
from datetime import UTC, datetime
from typing import Any, NamedTuple

from deploy import jobs, rest
from deploy.errors import UserError

POLL_S = 0.2
SAVEPOINT_TIMEOUT_S = 300
CREATED = re.compile(r"A savepoint has been created at: (\S+),")
"""What Flink, or our source, says of a job that failed once its savepoint was complete.

It is not restarted: from an earlier checkpoint it would write again what the savepoint has in transactions.
"""


class Savepoint(NamedTuple):
    """A completed savepoint of a job; `size` is that of the state in bytes."""

    path: str
    job_id: str
    at: datetime
    size: int


class Stopped(NamedTuple):
    """How a job has stopped: the path of its savepoint, and whether what the job wrote last is committed.

    It is not when the job failed between savepoint and commit. Going on from the savepoint commits it.
    """

    path: str
    is_committed: bool


def stop(job: str, address: str, prefix: str | None = None, *, drain: bool) -> Stopped:
    """End a running job with a savepoint. Drained, its open windows close, for good.

    One that is still starting is waited for: not all its tasks would take the barrier.
    Raises UserError when it does not run, or does not end; it then runs on.
    """
    job_id = running(job, address, prefix)
    jobs.await_running(job_id, address)
    trigger = rest.of(address).request("POST", f"/jobs/{job_id}/stop", {"drain": drain}).json()["request-id"]
    deadline = time.monotonic() + SAVEPOINT_TIMEOUT_S
    while time.monotonic() < deadline:
        if found := _stopped(job_id, trigger, address):
            return found
        time.sleep(POLL_S)
    raise UserError(f"no savepoint of {job} within {SAVEPOINT_TIMEOUT_S} s: {jobs.page(job_id, address)}")


def running(job: str, address: str, prefix: str | None = None) -> str:
    """The id of the job that runs, in the deployment with a prefix if one is named.

    Raises UserError when none does, or several.
    """
    found = [str(each["jid"]) for each in _of(job, address) if each["state"] in ("RUNNING", "RESTARTING")]
    if prefix is not None:
        found = [each for each in found if jobs.prefix(each, address) == prefix]
    if len(found) != 1:
        which = f" with the prefix {prefix}" if prefix else ""
        more = ": name one by its --transactional-id-prefix" if found else ""
        raise UserError(f"{len(found) or 'no'} jobs named {jobs.name(job)}{which} run at {address}, expected one{more}")
    return found[0]


def listed(job: str, address: str, prefix: str | None = None) -> list[Savepoint]:
    """The savepoints that the cluster remembers of the job, latest first; files outlive its memory."""
    found = [
        Savepoint(
            each["external_path"],
            run["jid"],
            datetime.fromtimestamp(each["trigger_timestamp"] / 1_000, UTC),
            each["state_size"],
        )
        for run in _of(job, address)
        if prefix is None or jobs.prefix(run["jid"], address) == prefix
        for each in rest.of(address).get(f"/jobs/{run['jid']}/checkpoints").get("history", [])
        if each["is_savepoint"] and each["status"] == "COMPLETED"
    ]
    return sorted(found, key=lambda savepoint: savepoint.at, reverse=True)


def _of(job: str, address: str) -> list[dict[str, Any]]:
    return [each for each in rest.of(address).get("/jobs/overview")["jobs"] if each["name"] == jobs.name(job)]


def _stopped(job_id: str, trigger: str, address: str) -> Stopped | None:
    """What came of a stop; None before that. Raises UserError when the job runs on."""
    try:
        told = rest.of(address).get(f"/jobs/{job_id}/savepoints/{trigger}")
    except rest.NotThereError:
        return _recovered(job_id, address)
    except UserError:  # the JobManager may come back
        return None
    if told["status"]["id"] != "COMPLETED":
        return None
    if "location" in told["operation"]:
        return Stopped(str(told["operation"]["location"]), is_committed=True)
    cause = str(told["operation"]["failure-cause"]["stack-trace"]).strip()
    if found := _uncommitted(cause):
        return found
    raise UserError(f"no savepoint of job {job_id}, which runs on: {cause.splitlines()[0][:300]}")


def _recovered(job_id: str, address: str) -> Stopped:
    """What came of a stop that another JobManager had been asked for. Raises UserError when there is no savepoint."""
    try:
        jobs.await_running(job_id, address)
        becomes = "has ended" if jobs.has_ended(job_id, address) else "runs on"
    except UserError as error:
        if found := _uncommitted(str(error)):
            return found
        raise
    raise UserError(f"no savepoint of job {job_id}, which {becomes}: the JobManager that was to take it was lost")


def _uncommitted(cause: str) -> Stopped | None:
    created = CREATED.search(cause)
    return Stopped(created[1], is_committed=False) if created else None
