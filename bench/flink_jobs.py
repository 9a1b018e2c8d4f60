"""The jobs on Flink: the candle job, with all its checks or without, and stock Flink SQL."""

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil

from bench.cluster import await_task_manager, end_task_manager, java_process
from bench.output import ORDERLESS, VALUES
from bench.produce import end_offsets
from deploy import flink, jars, jobs, paths
from deploy.errors import UserError
from deploy.stack import Stack
from jobs import access
from jobs.kafka import candle_sinks
from jobs.settings import Settings, milliseconds

TIMEOUT_S = 900
POLL_S = 0.5
FILES = Path(__file__).parent / "settings"
VARIANTS = {
    "tickloom": {"rules": str(FILES / "all_rules.toml")},
    "plain": {"rules": str(FILES / "no_rules.toml"), "conditions": str(FILES / "no_conditions.toml")},
}
"""The candle job with everything on, and with what can be switched off."""
ABOUT = {
    "tickloom": "the candle job: exactly once, six resolutions, a rule of every kind, sale conditions",
    "plain": "the candle job without rules and sale conditions",
    "stock": "stock Flink SQL: exactly once, open and close in the order of arrival",
}


@dataclass
class FlinkJob:
    """A job on a new TaskManager of the stack, which reads the topic to its end and closes every window."""

    name: str
    stack: Stack
    settings: Settings
    options: Mapping[str, str] = field(default_factory=dict)
    """Flink's own."""
    exact: Sequence[str] = VALUES
    closes_all: bool = True
    _id: Future[str] | None = field(default=None, init=False)

    @cached_property
    def outputs(self) -> Sequence[str]:
        """Its topics, that of the 1s candles first."""
        return [topic for _, topic, _ in candle_sinks(self.settings)]

    def start(self) -> list[psutil.Process]:
        """A new TaskManager; the job is submitted while it starts."""
        end_task_manager(self.stack)
        self._id = ThreadPoolExecutor(1).submit(self._submit)
        await_task_manager(self.stack)
        return [java_process(self.stack, "taskmanager")]

    def finish(self) -> None:
        """Wait for the end of the job. Raises UserError."""
        assert self._id is not None, "start comes first"
        await_end(self._id.result(), self.stack.flink_address)

    def _submit(self) -> str:
        return self._run("candles", self.settings.trades_topic, VARIANTS[self.name])

    def _run(self, job: str, topic: str, changed: Mapping[str, str]) -> str:
        """One of our jobs, until the topic's end as it is now."""
        ends = end_offsets(self.settings.brokers, topic)
        stop = ",".join(f"{partition}:{offset}" for partition, offset in ends.items())
        chosen = self.settings.model_copy(update={"stop_offsets": stop, **changed})
        address = self.stack.flink_address
        environment = jobs.client_environment(chosen, address)
        return flink.job_id(flink.run(job, [], {**jobs.remote(address), **self.options}, environment))


@dataclass
class MessageJob(FlinkJob):
    """The quote job or the book job, on its topic."""

    @cached_property
    def outputs(self) -> Sequence[str]:
        """Its topics, the one with a record of every second first, that of what is rejected last."""
        return access.of(self.name, self.settings).writes

    def _submit(self) -> str:
        (topic,) = access.of(self.name, self.settings).reads
        return self._run(self.name, topic, {})


@dataclass
class StockSql(FlinkJob):
    """Stock Flink SQL, which takes open and close in the order of arrival: their errors are only counted."""

    exact: Sequence[str] = ORDERLESS

    @cached_property
    def outputs(self) -> Sequence[str]:
        """Its only topic."""
        return ["bench.stock.candles.1s"]

    def _submit(self) -> str:
        arguments = {
            "brokers": self.settings.brokers,
            "registry": self.settings.registry,
            "trades": self.settings.trades_topic,
            "candles": self.outputs[0],
            "prefix": f"{self.settings.transactional_id_prefix}/stock/",
            "jars": [str(jar) for jar in jars.group("flink")],
            "checkpoint_interval_ms": milliseconds(self.settings.checkpoint_interval),
        }
        return submitted(self.stack, "stock", arguments)


def submitted(stack: Stack, name: str, arguments: Mapping[str, Any]) -> str:
    """The id of the job of bench/<name>.py, whose arguments are JSON. Raises UserError when it does not start."""
    script = Path(__file__).with_name(f"{name}.py")
    result = subprocess.run(
        [*flink.command(jobs.remote(stack.flink_address)), "-py", str(script), json.dumps(arguments)],
        env={**flink.flink_environment(), "PYTHONPATH": str(paths.ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    output = result.stdout + result.stderr
    if result.returncode != 0:
        raise UserError(f"{name} did not start: {flink.root_cause(output)}")
    return flink.job_id(output)


def await_end(job_id: str, address: str) -> None:
    """Wait for the end of a job. Raises UserError when it fails, or does not end within TIMEOUT_S."""
    deadline = time.monotonic() + TIMEOUT_S
    while not jobs.has_ended(job_id, address):
        if time.monotonic() > deadline:
            raise UserError(f"the job did not end: {jobs.page(job_id, address)}")
        time.sleep(POLL_S)
