"""Starts jobs on a cluster and follows them by its REST API."""

import time
from collections.abc import Mapping
from typing import Any

import httpx
from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient

from deploy import flink, stack
from deploy.errors import UserError
from jobs.kafka import consumer_group
from jobs.settings import Settings
from schemas import registry

NAMES = ("candles", "reconcile", "quality", "bars", "sessions")
TIMEOUT_S = 10
START_TIMEOUT_S = 90
POLL_S = 0.3
ENDED = ("FINISHED", "CANCELED", "FAILED")


def cluster_address() -> str:
    """host:port of the running stack's cluster. Raises UserError when there is none."""
    running = stack.running()
    if running is None:
        raise UserError("no stack is running: `tickloom up` starts one, or name a cluster with --cluster host:port")
    return running.flink_rest_url.removeprefix("http://")


def name(job: str) -> str:
    """What a job is called on a cluster."""
    return f"tickloom-{job}"


def submit(job: str, settings: Settings, address: str, savepoint: str | None = None) -> str:
    """Register the job's schemas and start it, from a savepoint when one is named; returns the job's id.

    Raises UserError with the root cause.
    """
    registry.register(settings.registry, settings.candle_names)
    host, port = address.split(":")
    options = {"execution.target": "remote", "rest.address": host, "rest.port": port, "execution.attached": "false"}
    restored = {"execution.state-recovery.path": savepoint} if savepoint else {}
    return flink.job_id(flink.run(job, [], options | restored, settings.environment()))


def await_running(job_id: str, address: str) -> None:
    """Wait until every task of the job runs. Raises UserError when it fails or takes too long."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if has_ended(job_id, address):
            return
        tasks = rest(address, f"/jobs/{job_id}")["vertices"]
        if tasks and all(task["status"] in ("RUNNING", "FINISHED") for task in tasks):
            return
        time.sleep(POLL_S)
    raise UserError(
        f"job {job_id} does not run after {START_TIMEOUT_S} s: http://{address}/#/job/running/{job_id}/overview"
    )


def await_read(settings: Settings, ends: Mapping[int, int], timeout_s: float) -> None:
    """Wait until a checkpoint of the candle job covers the trades up to these end offsets.

    Raises UserError when the time is over.
    """
    admin = AdminClient({"bootstrap.servers": settings.brokers, "log_level": 0})
    group = consumer_group(settings)
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        answer = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result(TIMEOUT_S)
        read = {each.partition: each.offset for each in answer.topic_partitions}
        if all(read.get(partition, 0) >= end for partition, end in ends.items()):
            return
        time.sleep(POLL_S)
    raise UserError(f"the candle job has not read the trades within {timeout_s:.0f} s: it is at {read} of {dict(ends)}")


def drain(job_id: str, address: str, timeout_s: float) -> None:
    """End the job for good: every open window closes, everything is committed.

    Raises UserError when it does not end in time.
    """
    path = f"/jobs/{job_id}/stop"
    answer = httpx.post(f"http://{address}{path}", json={"drain": True}, timeout=TIMEOUT_S)
    if answer.is_error:
        raise UserError(f"Flink refuses to stop job {job_id}: {answer.text[:200]}")
    deadline = time.monotonic() + timeout_s
    while not has_ended(job_id, address):
        if time.monotonic() > deadline:
            raise UserError(f"job {job_id} did not stop: http://{address}/#/job/running/{job_id}/overview")
        time.sleep(POLL_S)


def has_ended(job_id: str, address: str) -> bool:
    """Whether the job has reached its end. Raises UserError with the root cause when it failed."""
    state = str(rest(address, f"/jobs/{job_id}")["state"])
    if state == "FAILED":
        raise UserError(f"job {job_id} failed: {failure(job_id, address)}")
    return state in ENDED


def failure(job_id: str, address: str) -> str:
    """The root cause of the job's last failure, in one line."""
    trace = str(rest(address, f"/jobs/{job_id}/exceptions").get("root-exception", ""))
    return flink.root_cause(trace)


def rest(address: str, path: str) -> dict[str, Any]:
    """A GET on Flink's REST API. Raises UserError when it does not answer."""
    try:
        answer: dict[str, Any] = httpx.get(f"http://{address}{path}", timeout=TIMEOUT_S).raise_for_status().json()
    except httpx.HTTPError as error:
        raise UserError(f"Flink at {address} does not answer {path}: {error}") from error
    return answer
