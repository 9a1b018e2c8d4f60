"""`python -m bench messages`: what the jobs on quotes and on order books take."""

import sys
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, Protocol
from uuid import uuid4

import click
import numpy as np
from rich.console import Console

from bench import page, report
from bench.book_tape import BookTape
from bench.cluster import create_topics, fresh_stack, java_process
from bench.comparison import ready, repeats_option, shown, written
from bench.contest import Run, cost_of, settings_for
from bench.flink_jobs import MessageJob
from bench.meter import Meter
from bench.output import Output, Verdict, committed
from bench.produce import Message, Target, by_partition, end_offsets, send_all
from bench.quote_tape import QuoteTape
from bench.tape import SECOND_NS, START_S, Tape
from bench.timing import second_half, whole
from deploy.stack import Stack
from jobs import access
from schemas import registry
from schemas.topics import subject

CHECKED = 5
"""Instruments of which every record is compared with a recomputation; of the others every message is counted."""
ABOUT = {
    "quotes": "the best bid and offer of an instrument at three venues, as candles of six resolutions, exactly once",
    "books": "order books, each update of four levels, and the depth of those that changed every second, exactly once",
}
EXPLANATION = f"""
Every record of {CHECKED} instruments is compared with a recomputation from its input; of all others, that every input
counts once."""
Committed = dict[str, list[tuple[int, dict[str, Any]]]]
"""By topic: append time in ms and record."""


class MessageTape(Protocol):
    """What a job is measured with."""

    @property
    def job(self) -> str:
        """The job that reads it."""

    @property
    def count(self) -> int:
        """How many messages."""

    @property
    def counted(self) -> str:
        """The field of a committed record that says of how many messages it is."""

    @property
    def arrivals(self) -> Tape:
        """When they arrive."""

    def batches(self, schema_id: int, partition: int) -> Iterator[list[Message]]:
        """The messages of a partition."""

    def expected(self, instruments: int) -> Mapping[Any, Any]:
        """What must be committed of the first so many instruments, by key."""

    def told(self, record: Mapping[str, Any]) -> tuple[Hashable, Any]:
        """Key and content of a committed record."""

    def number(self, record: Mapping[str, Any]) -> int:
        """Of the instrument of a committed record."""


TAPES: dict[str, Callable[[int, int], MessageTape]] = {"quotes": QuoteTape, "books": BookTape}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(TAPES)))
@click.option(
    "--messages", "count", default=10_000_000, show_default=True, type=click.IntRange(1_000_000, 1_000_000_000)
)
@click.option("--instruments", default=500, show_default=True, type=click.IntRange(CHECKED, 20_000))
@repeats_option
def messages(names: tuple[str, ...], count: int, instruments: int, repeats: int) -> None:
    """Run the quote job over quotes of three venues, the book job over updates of four levels each; or one of them.

    A wrong output ends in exit code 1.
    """
    console = Console()
    with fresh_stack(False, ready) as stack:
        runs = {name: _measure(console, stack, TAPES[name](count, instruments), repeats) for name in names or TAPES}
    for name, found in runs.items():
        report.show(console, found, name, EXPLANATION)
        for file in page.save(name, found, {"messages": count}, ABOUT):
            console.print(f"written to {file}", soft_wrap=True)
    sys.exit(0 if all(run.right for found in runs.values() for run in found) else 1)


def _measure(console: Console, stack: Stack, tape: MessageTape, repeats: int) -> list[Run]:
    contest = MessageContest(stack, tape)
    with written(console, f"writing the {tape.job}", tape.count) as progress:
        contest.prepare(progress)
    return [shown(console, tape.job, contest.run) for _ in range(repeats)]


class MessageContest:
    """Messages in a topic of a stack, and the job that runs over them."""

    def __init__(self, stack: Stack, tape: MessageTape) -> None:
        self.stack, self.tape = stack, tape
        self.settings = settings_for(stack, {})
        self.expected: Mapping[Any, Any] = {}

    def prepare(self, progress: Callable[[int], None]) -> None:
        """Make schemas, topics and the messages."""
        ids = registry.register(self.settings.registry_client(), self.settings.resolutions)
        (topic,) = access.of(self.tape.job, self.settings).reads
        create_topics(self.settings.brokers, {topic, *self._job().outputs})
        target = Target(self.settings.brokers, topic, ids[subject(topic)])
        by_partition(_send, target, self.tape, self.tape.count, progress)
        self.expected = self.tape.expected(CHECKED)

    def run(self) -> Run:
        """Run the job over all of them."""
        job = self._job()
        where, since = (self.settings.brokers, self.settings.registry), {}
        for topic in job.outputs:
            since[topic] = end_offsets(self.settings.brokers, topic)
        with Meter(job.start(), java_process(self.stack, "kafka")) as meter:
            job.finish()
        output = {topic: list(committed(*where, topic, start)) for topic, start in since.items()}
        verdict = self._verdict(output)
        clock, arrivals = _clock(output[job.outputs[0]]), self.tape.arrivals
        return Run(
            job=job.name,
            whole=cost_of(meter, whole(clock, arrivals)),
            second_half=cost_of(meter, second_half(clock, arrivals)),
            peak_memory_bytes=meter.peak_memory_bytes,
            verdict=verdict,
            right=verdict.holds(*verdict.wrong),
        )

    def _verdict(self, output: Committed) -> Verdict:
        """`wrong`: records of CHECKED instruments, and topics that do not count every message once."""
        *made, rejected = ([record for _, record in found] for found in output.values())
        counts = [sum(each[self.tape.counted] for each in found) for found in made]
        told = [self.tape.told(each) for found in made for each in found if self.tape.number(each) < CHECKED]
        copies = Counter(key for key, _ in told)
        return Verdict(
            windows=len(made[0]),
            trades=counts[0],
            lost=1 - counts[0] / self.tape.count,
            missing=len(self.expected.keys() - copies.keys()),
            repeated=sum(count > 1 for count in copies.values()),
            unexpected=len(copies.keys() - self.expected.keys()),
            wrong={
                "records": sum(self.expected.get(key) != content for key, content in told),
                "counts": sum(count != self.tape.count for count in counts),
                "rejected": len(rejected),
            },
        )

    def _job(self) -> MessageJob:
        prefix = f"bench-{uuid4().hex[:8]}"
        changed = self.settings.model_copy(update={"transactional_id_prefix": prefix})
        return MessageJob(self.tape.job, self.stack, changed)


def _clock(records: Sequence[tuple[int, Mapping[str, Any]]]) -> Output:
    """When the broker got the records of which second: what tells how fast the job was."""
    seconds = [record["window_end"] // SECOND_NS - 1 - START_S for _, record in records]
    return Output(np.array(seconds), {}, np.array([appended_ms for appended_ms, _ in records]))


def _send(target: Target, partition: int, tape: MessageTape) -> None:
    send_all(target, partition, tape.batches(target.schema_id, partition))
