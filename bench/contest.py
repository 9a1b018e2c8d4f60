"""One job after the other on the same topic, each on a new TaskManager: run, timed, verified."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.cluster import create_topics, java_process, new_task_manager
from bench.meter import Meter, peak_memory_bytes
from bench.output import VALUES, Verdict, committed, compare, read_candles
from bench.produce import Target, end_offsets, produce
from bench.reference import Candles
from bench.tape import PARTITIONS, seconds
from bench.timing import Span, second_half, whole
from deploy import flink, jars, jobs, paths
from deploy.errors import UserError
from deploy.stack import Stack
from jobs import access
from jobs.kafka import candle_sinks
from jobs.settings import Settings, milliseconds
from schemas import registry
from schemas.topics import LATE, REJECTED, candles, subject

STOCK_TOPIC = "bench.stock.candles.1s"
JOB_TIMEOUT_S = 900
POLL_S = 0.5
FILES = Path(__file__).parent / "settings"
VARIANTS = {
    "tickloom": {"rules": str(FILES / "all_rules.toml")},
    "plain": {"rules": str(FILES / "no_rules.toml"), "conditions": str(FILES / "no_conditions.toml")},
}
"""The candle job with everything on, and with what can be switched off."""
EXACT_VALUES = {"tickloom": VALUES, "plain": VALUES, "stock": ("high", "low", "volume", "trades")}
"""What must be right. Stock Flink SQL takes open and close in the order of arrival: their errors are only counted."""


@dataclass(frozen=True)
class Cost:
    """What a span of a run took: seconds on the clock; CPU seconds of the TaskManager, of the JIT compiler in it, of
    the broker and of everything else.
    """

    trades: int
    seconds: float
    cpu_s: float
    jit_cpu_s: float
    broker_cpu_s: float
    other_cpu_s: float

    @property
    def per_second(self) -> float:
        """Trades a second."""
        return self.trades / self.seconds

    @property
    def per_cpu_second(self) -> float:
        """Trades a CPU second of the TaskManager."""
        return self.trades / self.cpu_s

    @property
    def per_cpu_second_compiled(self) -> float:
        """Trades a CPU second of the TaskManager without its JIT compiler: what a job that runs for long pays."""
        return self.trades / (self.cpu_s - self.jit_cpu_s)

    @property
    def other_cpus(self) -> float:
        """CPUs that everything else kept busy, on average."""
        return self.other_cpu_s / self.seconds


@dataclass(frozen=True)
class Run:
    """One job's run: its cost from the first candle to the last, and in the second half; whether it was right."""

    job: str
    whole: Cost
    second_half: Cost
    peak_memory_bytes: int
    verdict: Verdict
    conserved: bool

    @property
    def right(self) -> bool:
        """Whether the output is what the job promises."""
        return self.conserved and self.verdict.holds(*EXACT_VALUES[self.job])


class Contest:
    """A tape on a stack, and the jobs that run over it."""

    def __init__(self, stack: Stack, trades: int, symbols: int) -> None:
        self.stack, self.trades, self.symbols = stack, trades, symbols
        self.address = stack.flink_address
        self.settings = Settings.load(
            {
                "brokers": stack.bootstrap_servers,
                "registry": stack.registry_url,
                "partitions": PARTITIONS,
                "parallelism": PARTITIONS,
                "checkpoint_interval": "10s",
            }
        )
        self.exact = Candles.empty(symbols, seconds(trades))
        self._runs = 0

    def prepare(self, progress: Callable[[int], None]) -> None:
        """Register the schemas, create the topics and write the tape; `progress` is told how many trades are in."""
        ids = registry.register(self.settings.registry_client(), self.settings.resolutions)
        create_topics(self.settings.brokers, [*access.of("candles", self.settings).topics, STOCK_TOPIC])
        topic = self.settings.trades_topic
        target = Target(self.settings.brokers, topic, ids[subject(topic)])
        self.exact = produce(target, self.trades, self.symbols, progress)

    def run(self, job: str) -> Run:
        """Run a job, one of VARIANTS or `stock`, over the whole tape."""
        self._runs += 1
        topic = STOCK_TOPIC if job == "stock" else candles("1s")
        written = {name: end_offsets(self.settings.brokers, name) for name in self._outputs(job)}
        new_task_manager(self.stack)
        task_manager = java_process(self.stack, "taskmanager")
        with Meter(task_manager, java_process(self.stack, "kafka")) as meter:
            job_id = self._submit_stock() if job == "stock" else self._submit_tickloom(VARIANTS[job])
            self._await_end(job_id)
        peak = peak_memory_bytes(task_manager)
        where = self.settings.brokers, self.settings.registry
        output = read_candles(*where, topic, written[topic], self.symbols, self.exact.seconds)
        cost = partial(_cost, meter)
        return Run(
            job=job,
            whole=cost(whole(output, self.trades, self.exact.seconds)),
            second_half=cost(second_half(output, self.trades, self.exact.seconds)),
            peak_memory_bytes=peak,
            verdict=compare(output, self.exact),
            conserved=all(self._conserved(name, since) for name, since in written.items()),
        )

    def _outputs(self, job: str) -> list[str]:
        return [STOCK_TOPIC] if job == "stock" else [topic for _, topic, _ in candle_sinks(self.settings)]

    def _conserved(self, topic: str, since: dict[int, int]) -> bool:
        """Whether every resolution counts every trade once, and none is late or rejected."""
        records = committed(self.settings.brokers, self.settings.registry, topic, since)
        if topic in (LATE, REJECTED):
            return not any(records)
        return self.trades == sum(int(record["trade_count"]) for _, record in records)

    def _submit_tickloom(self, variant: dict[str, str]) -> str:
        ends = end_offsets(self.settings.brokers, self.settings.trades_topic)
        stop = ",".join(f"{partition}:{offset}" for partition, offset in ends.items())
        own = {"stop_offsets": stop, "transactional_id_prefix": f"bench-{self._runs}"}
        return jobs.submit("candles", self.settings.model_copy(update=own | variant), self.address)

    def _submit_stock(self) -> str:
        arguments = {
            "brokers": self.settings.brokers,
            "registry": self.settings.registry,
            "trades": self.settings.trades_topic,
            "candles": STOCK_TOPIC,
            "prefix": f"bench-{self._runs}/stock/",
            "jars": [str(jar) for jar in jars.group("flink")],
            "checkpoint_interval_ms": milliseconds(self.settings.checkpoint_interval),
        }
        host, port = self.address.split(":")
        options = {"execution.target": "remote", "rest.address": host, "rest.port": port, "execution.attached": "false"}
        script = Path(__file__).with_name("stock.py")
        result = subprocess.run(
            [*flink.command(options), "-py", str(script), json.dumps(arguments)],
            env={**os.environ, **flink.flink_environment(), "PYTHONPATH": str(paths.ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        output = result.stdout + result.stderr
        if result.returncode != 0:
            raise UserError(f"stock Flink SQL did not start: {flink.root_cause(output)}")
        return flink.job_id(output)

    def _await_end(self, job_id: str) -> None:
        deadline = time.monotonic() + JOB_TIMEOUT_S
        while not jobs.has_ended(job_id, self.address):
            if time.monotonic() > deadline:
                raise UserError(f"the job did not end: {jobs.page(job_id, self.address)}")
            time.sleep(POLL_S)


def _cost(meter: Meter, span: Span) -> Cost:
    of = partial(meter.cpu_seconds, since=span.since, until=span.until)
    task_manager, broker = of("taskmanager"), of("broker")
    return Cost(
        trades=span.trades,
        seconds=span.until - span.since,
        cpu_s=task_manager,
        jit_cpu_s=of("jit"),
        broker_cpu_s=broker,
        other_cpu_s=of("machine") - task_manager - broker,
    )
