"""One job after the other on the same topic, each in a new process: run, timed, verified."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol
from uuid import uuid4

import psutil

from bench.cluster import create_topics, java_process
from bench.flink_jobs import FlinkJob, StockSql
from bench.meter import Meter
from bench.output import Verdict, committed, compare, read_candles
from bench.peers.run import PeerRun
from bench.peers.systems import PEERS
from bench.produce import Target, end_offsets, produce
from bench.reference import Candles
from bench.tape import PARTITIONS, Tape
from bench.timing import Span, last_closed, second_half, whole
from deploy.stack import Stack
from jobs import access
from jobs.settings import Settings
from schemas import registry
from schemas.topics import LATE, REJECTED, TRADES, subject


class Contestant(Protocol):
    """A job that reads the whole tape once."""

    @property
    def exact(self) -> Sequence[str]:
        """The values of its candles that must be right."""

    @property
    def closes_all(self) -> bool:
        """Whether the end of the input closes every window."""

    @property
    def outputs(self) -> Sequence[str]:
        """Its topics, that of the 1s candles first."""

    def start(self) -> list[psutil.Process]:
        """Start what is measured: its processes."""

    def finish(self) -> None:
        """Wait until everything is written. Raises UserError."""


@dataclass(frozen=True)
class Cost:
    """What a span of a run took: seconds on the clock; CPU seconds of the job's processes, of the JIT compiler in them,
    of the broker and of everything else.
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
        """Trades a CPU second of the job."""
        return self.trades / self.cpu_s

    @property
    def per_cpu_second_compiled(self) -> float:
        """Trades a CPU second of the job without its JIT compiler: what a job that runs for long pays."""
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
    right: bool
    """Whether the output is what the job promises."""


class Contest:
    """A tape in a topic of a stack, and the jobs that run over it."""

    def __init__(self, stack: Stack, tape: Tape, topic: str = TRADES) -> None:
        self.stack, self.tape = stack, tape
        self.settings = settings_for(stack, {"trades_topic": topic})
        self.exact = Candles.empty(tape.symbols, tape.seconds)

    def prepare(self, chosen: Sequence[str], progress: Callable[[int], None]) -> None:
        """Make ready for some jobs: schemas, topics and the tape; `progress` is told how many trades are in."""
        ids = registry.register(self.settings.registry_client(), self.settings.resolutions)
        topic = self.settings.trades_topic
        outputs = {name for job in chosen for name in self._contestant(job).outputs}
        create_topics(self.settings.brokers, {topic, *outputs})
        self.exact = produce(Target(self.settings.brokers, topic, ids[subject(TRADES)]), self.tape, progress)

    def run(self, job: str) -> Run:
        """Run a job, one of VARIANTS, `stock` or one of PEERS, over the whole tape."""
        return self.measure(job, self._contestant(job))

    def run_changed(self, label: str, settings: Mapping[str, Any], options: Mapping[str, str]) -> Run:
        """Run the candle job with other settings and options of Flink; its output is checked like any."""
        own = self._settings()
        return self.measure(
            label, FlinkJob("tickloom", self.stack, Settings.model_validate({**own.model_dump(), **settings}), options)
        )

    def measure(self, job: str, contestant: Contestant) -> Run:
        """Run a contestant over the whole tape."""
        written = {name: end_offsets(self.settings.brokers, name) for name in contestant.outputs}
        with Meter(contestant.start(), java_process(self.stack, "kafka")) as meter:
            contestant.finish()
        where = self.settings.brokers, self.settings.registry
        candles = contestant.outputs[0]
        output = read_candles(*where, candles, written[candles], self.tape)
        through = None if contestant.closes_all else last_closed(self.tape)
        verdict = compare(output, self.exact, through)
        cost = partial(cost_of, meter)
        return Run(
            job=job,
            whole=cost(whole(output, self.tape)),
            second_half=cost(second_half(output, self.tape)),
            peak_memory_bytes=meter.peak_memory_bytes,
            verdict=verdict,
            right=verdict.holds(*contestant.exact) and all(self._conserved(*each) for each in written.items()),
        )

    def _contestant(self, job: str) -> Contestant:
        settings = self._settings()
        if job in PEERS:
            return PeerRun(job, settings, self.tape.trades)
        return StockSql(job, self.stack, settings) if job == "stock" else FlinkJob(job, self.stack, settings)

    def _settings(self) -> Settings:
        """For one run."""
        return self.settings.model_copy(update={"transactional_id_prefix": f"bench-{uuid4().hex[:8]}"})

    def _conserved(self, topic: str, since: dict[int, int]) -> bool:
        """Whether a topic of the candle job counts every trade once, and none is late or rejected."""
        if topic not in access.of("candles", self.settings).topics:
            return True
        records = committed(self.settings.brokers, self.settings.registry, topic, since)
        if topic in (LATE, REJECTED):
            return not any(records)
        return self.tape.trades == sum(int(record["trade_count"]) for _, record in records)


def settings_for(stack: Stack, changed: Mapping[str, str]) -> Settings:
    """Of a job that is measured: a task a partition, a checkpoint every 10 s."""
    where = {"brokers": stack.bootstrap_servers, "registry": stack.registry_url}
    shape = {"partitions": PARTITIONS, "parallelism": PARTITIONS, "checkpoint_interval": "10s"}
    return Settings.load({**where, **shape, **changed})


def cost_of(meter: Meter, span: Span) -> Cost:
    """What a span of a run took, as the meter saw it."""
    of = partial(meter.cpu_seconds, since=span.since, until=span.until)
    job, broker = of("job"), of("broker")
    return Cost(
        trades=span.trades,
        seconds=span.until - span.since,
        cpu_s=job,
        jit_cpu_s=of("jit"),
        broker_cpu_s=broker,
        other_cpu_s=of("machine") - job - broker,
    )
