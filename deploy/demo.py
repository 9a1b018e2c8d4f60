"""The demo: real trades through the whole of Tickloom, and every candle checked against an independent computation."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy import jars, jobs, paths
from deploy.errors import UserError
from deploy.stack import Stack, lifecycle, ports
from deploy.tally import Tally
from jobs import topics
from jobs.kafka import candle_sinks
from jobs.settings import Settings
from schemas import registry
from services.committed import CommittedReader
from services.demo_data import write_trades
from services.oracle import Expected, expected_candles
from services.replay import Replay, Target
from services.trades_file import Row, TradesFile
from services.verdict import Verdict, compare

FOLDER = paths.STATE / "demo"
SPEED = 14_400.0  # a week in 40 seconds
JOB_END_TIMEOUT_S = 120
DRAIN_TIMEOUT_S = 30


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
def fresh_stack(ready: Callable[[str, float], None]) -> Iterator[Stack]:
    """A stack of the demo's own, empty, on free ports beside any other; gone at the end, also after Ctrl-C."""
    lifecycle.stop(lambda part: None, FOLDER)
    lifecycle.wipe(FOLDER)
    free = dict(zip(ports.DEFAULTS, ports.free(len(ports.DEFAULTS)), strict=True))
    stack, _ = lifecycle.start(free, FOLDER)
    try:
        lifecycle.await_health(stack, ready)
        yield stack
    finally:
        lifecycle.stop(lambda part: None, FOLDER)


class Demo:
    """One run on a fresh stack: `start`, then `stream` until everything is committed, then `check`."""

    def __init__(self, stack: Stack, speed: float | None) -> None:
        self.settings = Settings.load({"brokers": stack.bootstrap_servers, "registry": stack.registry_url})
        self.address = stack.flink_rest_url.removeprefix("http://")
        self.file = TradesFile(self._tape(), {}, {})
        target = Target(brokers=self.settings.brokers, registry=self.settings.registry, speed=speed)
        self.replay = Replay([self.file], target)
        self.tally = Tally(self.replay.log, self.settings.out_of_orderness)

    @staticmethod
    def _tape() -> Path:
        tape = FOLDER / "bitstamp-2013-11.csv"
        write_trades(jars.group("demo")[0], tape)
        return tape

    def start(self) -> str:
        """Submit the job, to end where the replay will end; returns its id once it runs."""
        topics.prepare(self.settings)
        registry.register(self.settings.registry, self.settings.resolutions)
        ends = ",".join(f"{partition}:{offset}" for partition, offset in self.replay.end_offsets().items())
        bounded = self.settings.model_copy(update={"stop_offsets": ends})
        self.job_id = jobs.submit("candles", bounded, self.address)
        jobs.await_running(self.job_id, self.address)
        return self.job_id

    def stream(self, show: Callable[[], None]) -> None:
        """Replay and read what is committed until the job has ended; `show` is called all along."""
        failures: list[BaseException] = []
        sender = threading.Thread(target=self._send, args=(failures,), daemon=True)
        sinks = {topic: schema for _, topic, schema in candle_sinks(self.settings)}
        with CommittedReader(self.settings.brokers, self.settings.registry, sinks) as reader:
            sender.start()
            while sender.is_alive() and not failures:
                self._follow(reader, show)
            if failures:
                raise UserError(f"the replay failed: {failures[0]}")
            self._drain(reader, show)

    def _send(self, failures: list[BaseException]) -> None:
        try:
            self.replay.run()
        except Exception as error:  # handed to the thread that waits
            failures.append(error)

    def _follow(self, reader: CommittedReader, show: Callable[[], None]) -> None:
        committed = reader.poll(0.1)
        if committed is not None:
            self.tally.add(committed)
        self.tally.sent = self.replay.summary.sent
        show()

    def _drain(self, reader: CommittedReader, show: Callable[[], None]) -> None:
        deadline = time.monotonic() + JOB_END_TIMEOUT_S
        while not jobs.has_ended(self.job_id, self.address):
            if time.monotonic() > deadline:
                raise UserError(f"the job did not end: http://{self.address}/#/job/running/{self.job_id}/overview")
            for _ in range(2_000):
                self._follow(reader, show)
        for committed in reader.read_to_end(DRAIN_TIMEOUT_S):
            self.tally.add(committed)
        show()

    def check(self) -> Outcome:
        """Recompute every candle from the file in plain decimals and compare."""
        tape = (row.trade for row in self.file.rows() if isinstance(row, Row))
        expected = expected_candles(tape, self.settings.resolutions)
        return Outcome(expected, self.tally, compare(expected.candles, self.tally.candles))
