"""Starts jobs on a cluster and follows them by its REST API."""

import time
from collections.abc import Mapping
from contextlib import suppress

from confluent_kafka import Consumer, KafkaException, TopicPartition

from deploy import flink, rest, stack
from deploy.errors import UserError
from jobs import access
from jobs.environment import PREFIX_PARAMETER
from jobs.kafka import consumer_group
from jobs.settings import Settings
from schemas import registry

NAMES = (
    "candles",
    "reconcile",
    "quality",
    "bars",
    "quotes",
    "books",
    "trades_with_quotes",
    "sessions",
    "enriched",
    "lake",
)
TIMEOUT_S = 10
START_TIMEOUT_S = 90
POLL_S = 0.3
ENDED = ("FINISHED", "CANCELED", "FAILED")


def cluster_address() -> str:
    """host:port of the running stack's cluster. Raises UserError when there is none."""
    running = stack.running()
    if running is None:
        raise UserError("no stack is running: `tickloom up` starts one, or name a cluster with --cluster host:port")
    return running.flink_address


def name(job: str) -> str:
    """What a job is called on a cluster."""
    return f"tickloom-{job}"


def prefix(job_id: str, address: str) -> str | None:
    """Where the transactional ids of a job's deployment begin; None when the job does not tell."""
    return parameter(job_id, address, PREFIX_PARAMETER)


def parameter(job_id: str, address: str, name: str) -> str | None:
    """A global parameter of a job, which the cluster shows; None when the job has none of that name."""
    config = rest.of(address).get(f"/jobs/{job_id}/config").get("execution-config", {})
    told = config.get("user-config", {}).get(name)
    return None if told is None else str(told)


def submit(job: str, settings: Settings, address: str, savepoint: str | None = None) -> str:
    """Register the job's schemas and start it, from a savepoint when one is named; returns the job's id.

    Raises UserError with the root cause.
    """
    register(job, settings)
    restored = {"execution.state-recovery.path": savepoint} if savepoint else {}
    return flink.job_id(flink.run(job, [], remote(address) | restored, client_environment(settings, address)))


def register(job: str, settings: Settings) -> None:
    """Register the schemas of the job's topics. Raises RegistryError."""
    registry.register(settings.registry_client(), settings.candle_names, access.of(job, settings).topics)


def remote(address: str) -> dict[str, str]:
    """Flink's options to submit to a cluster."""
    host, port = address.split(":")
    return {"execution.target": "remote", "rest.address": host, "rest.port": port, "execution.attached": "false"}


def client_environment(settings: Settings, address: str) -> dict[str, str]:
    """What a job's process needs in its environment: the settings, and the keys of a cluster that asks for them."""
    conf = rest.conf_of(address)
    return settings.environment() | ({"FLINK_CONF_DIR": str(conf)} if conf and rest.is_secured(conf) else {})


def page(job_id: str, address: str) -> str:
    """Where the job is in Flink's web UI."""
    return f"{rest.of(address).url}/#/job/running/{job_id}/overview"


def await_running(job_id: str, address: str) -> None:
    """Wait until every task of the job runs. Raises UserError when it fails or takes too long."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if has_ended(job_id, address):
            return
        tasks = rest.of(address).get(f"/jobs/{job_id}")["vertices"]
        if tasks and all(task["status"] in ("RUNNING", "FINISHED") for task in tasks):
            return
        time.sleep(POLL_S)
    raise UserError(f"job {job_id} does not run after {START_TIMEOUT_S} s: {page(job_id, address)}")


def await_read(settings: Settings, ends: Mapping[int, int], timeout_s: float) -> None:
    """Wait until a checkpoint of the candle job covers the trades up to these end offsets.

    Raises UserError when the time is over.
    """
    # An AdminClient that asks for a group's offsets crashes while the group's coordinator is still loading them.
    consumer = Consumer({**settings.kafka_client(), "group.id": consumer_group(settings)})
    asked = [TopicPartition(settings.trades_topic, partition) for partition in ends]
    deadline, read = time.monotonic() + timeout_s, dict[int, int]()
    try:
        while time.monotonic() < deadline:
            with suppress(KafkaException):  # the coordinator is not there yet
                committed = consumer.committed(asked, TIMEOUT_S)
                read = {each.partition: max(each.offset, 0) for each in committed}  # negative: none yet
            if all(read.get(partition, 0) >= end for partition, end in ends.items()):
                return
            time.sleep(POLL_S)
    finally:
        consumer.close()
    raise UserError(f"the candle job has not read the trades within {timeout_s:.0f} s: it is at {read} of {dict(ends)}")


def drain(job_id: str, address: str, timeout_s: float) -> None:
    """End the job for good: every open window closes, everything is committed.

    Raises UserError when it does not end in time.
    """
    rest.of(address).request("POST", f"/jobs/{job_id}/stop", {"drain": True})
    deadline = time.monotonic() + timeout_s
    while not has_ended(job_id, address):
        if time.monotonic() > deadline:
            raise UserError(f"job {job_id} did not stop: {page(job_id, address)}")
        time.sleep(POLL_S)


def has_ended(job_id: str, address: str) -> bool:
    """Whether the job has reached its end. Raises UserError with the root cause when it failed."""
    state = str(rest.of(address).get(f"/jobs/{job_id}")["state"])
    if state == "FAILED":
        raise UserError(f"job {job_id} failed: {failure(job_id, address)}")
    return state in ENDED


def failure(job_id: str, address: str) -> str:
    """The root cause of the job's last failure, in one line."""
    latest = rest.of(address).get(f"/jobs/{job_id}/exceptions?maxExceptions=1")["exceptionHistory"]["entries"]
    return flink.root_cause(latest[0]["stacktrace"]) if latest else "the cluster remembers no failure"
