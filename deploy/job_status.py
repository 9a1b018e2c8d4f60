"""What the jobs of a cluster are doing, and why one that fails does."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deploy import flink, rest
from deploy.errors import UserError

CAUSE_MAX = 200
OVER = ("FINISHED", "CANCELED")


@dataclass(frozen=True)
class Failure:
    """When a job last failed, and the root cause in one line."""

    at: datetime
    cause: str


@dataclass(frozen=True)
class JobStatus:
    """A job that runs, is about to, or has failed for good.

    `restarts` counts since the JobManager took it up; None when not known yet, as `checkpoint_at`, the time of the
    latest complete checkpoint.
    """

    name: str
    id: str
    state: str
    restarts: int | None
    checkpoint_at: datetime | None
    failure: Failure | None


def job_statuses(address: str) -> list[JobStatus]:
    """The jobs of the cluster at an address (host:port), oldest first; not those that were ended or have finished.

    Raises UserError when the cluster does not answer.
    """
    listed = sorted(rest.of(address).get("/jobs/overview")["jobs"], key=lambda each: each["start-time"])
    return [_status(address, each) for each in listed if each["state"] not in OVER]


def _status(address: str, job: dict[str, Any]) -> JobStatus:
    path = f"/jobs/{job['jid']}"
    return JobStatus(
        name=job["name"],
        id=job["jid"],
        state=job["state"],
        restarts=next(_restarts(address, path), None),
        checkpoint_at=_checkpoint_at(address, path),
        failure=next(_failures(address, path), None),
    )


def _checkpoint_at(address: str, path: str) -> datetime | None:
    try:
        latest = rest.of(address).get(f"{path}/checkpoints")["latest"]["completed"]
    except UserError:  # nothing is told of jobs that take none, or have failed before they could
        return None
    return _time(latest["latest_ack_timestamp"]) if latest else None


def _restarts(address: str, path: str) -> Iterator[int]:
    for metric in rest.of(address).get(f"{path}/metrics?get=numRestarts"):
        yield int(float(metric["value"]))


def _failures(address: str, path: str) -> Iterator[Failure]:
    """Latest first."""
    for entry in rest.of(address).get(f"{path}/exceptions?maxExceptions=1")["exceptionHistory"]["entries"]:
        yield Failure(_time(entry["timestamp"]), flink.root_cause(entry["stacktrace"])[:CAUSE_MAX])


def _time(timestamp_ms: int) -> datetime:
    return datetime.fromtimestamp(timestamp_ms / 1_000, UTC)
