"""`python -m bench quotes`: what the quote job takes."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

import click
import numpy as np
from rich.console import Console

from bench import page, report
from bench.cluster import create_topics, fresh_stack, java_process
from bench.comparison import ready, repeats_option, shown, written
from bench.contest import Run, cost_of, settings_for
from bench.encoder import QuoteEncoder
from bench.flink_jobs import QuoteJob
from bench.meter import Meter
from bench.output import Output, Verdict, committed
from bench.produce import Message, Target, by_partition, end_offsets, send_all
from bench.quote_tape import QuoteTape
from bench.tape import SECOND_NS, START_S
from bench.timing import second_half, whole
from deploy.stack import Stack
from schemas import registry
from schemas.topics import QUOTES_REJECTED, subject
from services.oracle import CandleKey
from services.quote_oracle import ExpectedQuoteCandle, expected_quote_candles

CHECKED = 5
"""Instruments whose every candle is compared with a recomputation; of the others every quote is counted."""
EXPLANATION = f"""
The best bid and offer of an instrument at three venues, as candles of six resolutions, exactly once. Every candle of
{CHECKED} instruments is compared with a recomputation from its quotes; of all others, that every quote counts once."""
Committed = dict[str, list[tuple[int, dict[str, Any]]]]
"""By topic: append time in ms and record."""


@click.command()
@click.option("--quotes", default=10_000_000, show_default=True, type=click.IntRange(1_000_000, 1_000_000_000))
@click.option("--instruments", default=500, show_default=True, type=click.IntRange(CHECKED, 100_000))
@repeats_option
def quotes(quotes: int, instruments: int, repeats: int) -> None:
    """Run the quote job over quotes of three venues. A wrong output ends in exit code 1."""
    console, tape = Console(), QuoteTape(quotes, instruments)
    with fresh_stack(False, ready) as stack:
        contest = QuoteContest(stack, tape)
        with written(console, "writing the quotes", quotes) as progress:
            contest.prepare(progress)
        runs = [shown(console, "quotes", contest.run) for _ in range(repeats)]
    report.show(console, runs, "quotes", EXPLANATION)
    for file in page.save("quotes", runs, {"quotes": quotes, "instruments": instruments}, {"quotes": EXPLANATION}):
        console.print(f"written to {file}", soft_wrap=True)
    sys.exit(0 if all(run.right for run in runs) else 1)


class QuoteContest:
    """Quotes in a topic of a stack, and the job that runs over them."""

    def __init__(self, stack: Stack, tape: QuoteTape) -> None:
        self.stack, self.tape = stack, tape
        self.settings = settings_for(stack, {})
        self.expected: dict[CandleKey, ExpectedQuoteCandle] = {}

    def prepare(self, progress: Callable[[int], None]) -> None:
        """Make schemas, topics and the quotes."""
        ids = registry.register(self.settings.registry_client(), self.settings.resolutions)
        topic = self.settings.quotes_topic
        create_topics(self.settings.brokers, {topic, *self._job().outputs})
        target = Target(self.settings.brokers, topic, ids[subject(topic)])
        by_partition(_send, target, self.tape, self.tape.quotes, progress)
        self.expected = expected_quote_candles(self.tape.records(CHECKED), self.settings.resolutions)

    def run(self) -> Run:
        """Run the job over all of them."""
        job = self._job()
        where, since = (self.settings.brokers, self.settings.registry), {}
        for topic in job.outputs:
            since[topic] = end_offsets(self.settings.brokers, topic)
        with Meter(job.start(), java_process(self.stack, "kafka")) as meter:
            job.finish()
        output = {topic: list(committed(*where, topic, start)) for topic, start in since.items()}
        verdict = self._verdict(job, output)
        clock, arrivals = _clock(output[job.outputs[0]]), self.tape.arrivals
        return Run(
            job=job.name,
            whole=cost_of(meter, whole(clock, arrivals)),
            second_half=cost_of(meter, second_half(clock, arrivals)),
            peak_memory_bytes=meter.peak_memory_bytes,
            verdict=verdict,
            right=verdict.holds(*verdict.wrong),
        )

    def _verdict(self, job: QuoteJob, output: Committed) -> Verdict:
        """`wrong`: candles of CHECKED instruments, and topics that do not count every quote once."""
        checked = {self.tape.instrument(number) for number in range(CHECKED)}
        records = {topic: [record for _, record in found] for topic, found in output.items()}
        rejected = records.pop(QUOTES_REJECTED)
        counts = {topic: sum(each["quote_count"] for each in found) for topic, found in records.items()}
        own = [each for found in records.values() for each in found if each["symbol"] in checked]
        copies = Counter(CandleKey.of(each) for each in own)
        wrong = [key for each in own if self.expected.get(key := CandleKey.of(each)) != ExpectedQuoteCandle.of(each)]
        first = job.outputs[0]
        return Verdict(
            windows=len(records[first]),
            trades=counts[first],
            lost=1 - counts[first] / self.tape.quotes,
            missing=len(self.expected.keys() - copies.keys()),
            repeated=sum(count > 1 for count in copies.values()),
            unexpected=len(copies.keys() - self.expected.keys()),
            wrong={
                "candles": len(wrong),
                "counts": sum(count != self.tape.quotes for count in counts.values()),
                "rejected": len(rejected),
            },
        )

    def _job(self) -> QuoteJob:
        prefix = f"bench-{uuid4().hex[:8]}"
        return QuoteJob("quotes", self.stack, self.settings.model_copy(update={"transactional_id_prefix": prefix}))


def _clock(candles: Sequence[tuple[int, Mapping[str, Any]]]) -> Output:
    """When the broker got the candles of which second: what tells how fast the job was."""
    seconds = [record["window_start"] // SECOND_NS - START_S for _, record in candles]
    return Output(np.array(seconds), {}, np.array([appended_ms for appended_ms, _ in candles]))


def _send(target: Target, partition: int, tape: QuoteTape) -> None:
    encoder, keys = QuoteEncoder(target.schema_id, tape.names), [name.encode() for name in tape.names]

    def batches() -> Iterator[list[Message]]:
        for chunk in tape.chunks(partition):
            pairs = zip(chunk.symbol.tolist(), encoder.encode(chunk), strict=True)
            yield [{"key": keys[symbol], "value": message} for symbol, message in pairs]

    send_all(target, partition, batches())
