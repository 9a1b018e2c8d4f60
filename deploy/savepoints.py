"""Savepoints of jobs on a cluster, by its REST API: stop with one, list those that it remembers."""

import time
from datetime import UTC, datetime
from typing import Any, NamedTuple

from deploy import jobs, rest
from deploy.errors import UserError

POLL_S = 0.2
SAVEPOINT_TIMEOUT_S = 300


class Savepoint(NamedTuple):
    """A completed savepoint of a job; `size` is that of the state in bytes."""

    path: str
    job_id: str
    at: datetime
    size: int


def stop(job: str, address: str, prefix: str | None = None, *, drain: bool) -> str:
    """End a running job with a savepoint and return where it is. Drained, its open windows close, for good.

    One that is still starting is waited for: not all its tasks would take the barrier.
    Raises UserError when it does not run, or does not end; it then runs on.
    """
    job_id = running(job, address, prefix)
    jobs.await_running(job_id, address)
    trigger = rest.of(address).request("POST", f"/jobs/{job_id}/stop", {"drain": drain}).json()["request-id"]
    deadline = time.monotonic() + SAVEPOINT_TIMEOUT_S
    while time.monotonic() < deadline:
        told = rest.of(address).get(f"/jobs/{job_id}/savepoints/{trigger}")
        if told["status"]["id"] == "COMPLETED":
            return _location(job, told["operation"])
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


def _location(job: str, operation: dict[str, Any]) -> str:
    if "location" not in operation:
        cause = str(operation.get("failure-cause", {}).get("stack-trace", operation)).strip()
        raise UserError(f"no savepoint of {job}, which runs on: {cause.splitlines()[0][:300]}")
    return str(operation["location"])
