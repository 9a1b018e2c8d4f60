"""The demo: real trades through the whole of Tickloom, and every candle checked against an independent computation."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy import jars, jobs, paths, releases
from deploy.stack import Stack, lifecycle, ports
from deploy.tally import Tally
from jobs import topics
from jobs.kafka import candle_sinks
from jobs.settings import Settings
from services.committed import CommittedReader
from services.demo_data import write_trades
from services.oracle import Expected, expected_candles
from services.replay import Replay, Target
from services.trades_file import Row, TradesFile
from services.verdict import Verdict, compare

FOLDER = paths.STATE / "demo"
SPEED = 14_400.0  # a week in 40 seconds
IDLE_TIMEOUT = "1s"
"""All trades are of one symbol, so in one partition: the first candle waits until the others are known to be idle."""
DRAIN_TIMEOUT_S = 60


@dataclass(frozen=True)
class Outcome:
    """What the demo found out."""

    expected: Expected
    tally: Tally
    verdict: Verdict

    @property
    def conserved(self) -> bool:
        """Whether every trade is in a candle, a duplicate, late, or rejected: counted once and only once."""
        accounted = self.tally.trades + self.tally.duplicates + self.tally.late + self.tally.rejected
        return accounted == self.expected.trades

    @property
    def holds(self) -> bool:
        """Whether the committed candles are exactly the expected ones."""
        return self.verdict.holds and self.conserved


@contextmanager
def fresh_stack() -> Iterator[Stack]:
    """A stack of the demo's own that starts, empty, on free ports beside any other; gone at the end."""
    lifecycle.stop(lambda part: None, FOLDER)
    lifecycle.wipe(FOLDER)
    free = dict(zip(ports.DEFAULTS, ports.free(len(ports.DEFAULTS)), strict=True))
    stack, _ = lifecycle.start(free, FOLDER)
    try:
        yield stack
    finally:
        lifecycle.stop(lambda part: None, FOLDER)


class Demo:
    """One run on a fresh stack: `start`, then `stream` until everything is committed, then `check`."""

    def __init__(self, stack: Stack, speed: float | None) -> None:
        self.stack = stack
        self.settings = Settings.load(
            {"brokers": stack.bootstrap_servers, "registry": stack.registry_url, "idle_timeout": IDLE_TIMEOUT}
        )
        self.address = stack.flink_address
        self.file = TradesFile(self._tape(), {}, {})
        target = Target(kafka=self.settings.kafka_client(), registry=self.settings.registry_client(), speed=speed)
        self.replay = Replay([self.file], target)
        self.tally = Tally(self.replay.log, self.settings.out_of_orderness)

    @staticmethod
    def _tape() -> Path:
        tape = FOLDER / "bitstamp-2013-11.csv"
        write_trades(jars.group("demo")[0], tape)
        return tape

    def start(self, ready: Callable[[str, float], None]) -> None:
        """Start the job, which is planned while the cluster starts, and wait until it runs.

        `ready` is told each part of the stack that answers, and its seconds.
        """
        parts = lifecycle.answering(self.stack)
        for part, seconds in parts:
            ready(part, seconds)
            if part == "kafka":  # it has to have topics
                break
        with releases.prepared("candles", self.settings, self.address) as planned:
            for part, seconds in parts:
                ready(part, seconds)
            topics.prepare(self.settings, "candles")
            self.ends = self.replay.end_offsets()
            self.job_id = planned.start()
        jobs.await_running(self.job_id, self.address)

    def stream(self, show: Callable[[], None]) -> None:
        """Replay, have the job read it to its last offset and close its windows, and read all that is committed.

        `show` is called all along.
        """
        sinks = {topic: schema for _, topic, schema in candle_sinks(self.settings)}
        with (
            CommittedReader(self.settings.kafka_client(), self.settings.registry_client(), sinks) as reader,
            ThreadPoolExecutor(max_workers=1) as worker,
        ):
            ended = worker.submit(self._send_and_drain)
            while not ended.done():
                self._follow(reader, show)
            ended.result()
            for committed in reader.read_to_end(DRAIN_TIMEOUT_S):
                self.tally.add(committed)
            show()

    def _send_and_drain(self) -> None:
        self.replay.run()
        jobs.await_read(self.settings, self.ends, DRAIN_TIMEOUT_S)
        jobs.drain(self.job_id, self.address, DRAIN_TIMEOUT_S)

    def _follow(self, reader: CommittedReader, show: Callable[[], None]) -> None:
        committed = reader.poll(0.1)
        if committed is not None:
            self.tally.add(committed)
        self.tally.sent = self.replay.summary.sent
        show()

    def check(self) -> Outcome:
        """Recompute every candle from the file in plain decimals and compare."""
        tape = (row.trade for row in self.file.rows() if isinstance(row, Row))
        expected = expected_candles(tape, self.settings.resolutions)
        return Outcome(expected, self.tally, compare(expected.candles, self.tally.candles))
