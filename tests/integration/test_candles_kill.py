"""SIGKILL to the TaskManager in the middle of a replay: the invariants hold, and they catch sinks that do not."""

import os
import random
import signal
import threading
import time
from collections import defaultdict
from decimal import Context, Decimal, localcontext
from typing import Any

import pytest

from deploy.stack import Stack
from services.oracle import SECOND_NS, CandleKey, expected_candles
from services.records import TradeRecord
from services.verdict import compare
from tests.integration.candle_job import START_NS, CandleJob, Feed, settings, wait_until
from tests.integration.candle_output import Output
from tests.services.tape import trade

pytestmark = pytest.mark.integration

TRADES = 20_000
STEP_NS = 250_000_000
SYMBOLS = 20
RATE_HZ = 1_500
TIMEOUT_S = 240
HOUR_NS = 3_600 * SECOND_NS
SUMS = ("volume", "notional", "trade_count", "duplicate_count")


def drawn_tape(feed: Feed) -> list[TradeRecord]:
    """Trades of over an hour, up to a second out of order; every fiftieth is a copy of a recent one."""
    dice = random.Random(2013)
    tape: list[TradeRecord] = []
    for number in range(TRADES):
        if number % 50 == 49:
            tape.append(tape[-dice.randint(1, 3)])
            continue
        price = Decimal(dice.randint(1, 10**9)).scaleb(-6)
        size = Decimal(dice.randint(1, 10**15)).scaleb(-12)
        symbol = feed.symbol(str(dice.randrange(SYMBOLS)))
        ts_event = START_NS + number * STEP_NS + dice.randrange(SECOND_NS)
        fields = {"symbol": symbol, "venue": "X", "trade_id": str(number)}
        tape.append(trade(ts_event, str(price), str(size), **fields))
    return tape


class Replay(threading.Thread):
    """Sends a tape at a steady rate, each symbol to its partition."""

    def __init__(self, feed: Feed, tape: list[TradeRecord], rate_hz: int = RATE_HZ) -> None:
        super().__init__()
        self._feed, self._tape, self._rate_hz = feed, tape, rate_hz

    @property
    def stop_offsets(self) -> str:
        """Where the partitions end."""
        partitions = [self._partition(each) for each in self._tape]
        return ",".join(f"{each}:{partitions.count(each)}" for each in (0, 1))

    def run(self) -> None:
        began = time.monotonic()
        for number, each in enumerate(self._tape):
            self._feed.send(self._partition(each), each)
            if number % 100 == 0:
                time.sleep(max(0.0, began + number / self._rate_hz - time.monotonic()))
        self._feed.flush()

    def _partition(self, each: TradeRecord) -> int:
        return int(each["symbol"].rpartition("-")[2]) % 2


class Run:
    """A replay through a job file, watched by a reader of committed records while the TaskManager is killed."""

    def __init__(self, stack: Stack, file: str, kills: list[int]) -> None:
        """Kill when so many candles are committed, until one of them is there twice."""
        self._stack, self._kills, self._killed = stack, kills, 0
        feed = Feed(stack)
        self._tape = drawn_tape(feed)
        self._replay = Replay(feed, self._tape)
        chosen = settings(stack, feed, checkpoint_interval="1s", stop_offsets=self._replay.stop_offsets)
        with (
            CandleJob.submit(stack, chosen, restart=True, file=file) as self._job,
            Output(stack, chosen, feed) as self.output,
        ):
            self._replay.start()
            self._follow()
            self._replay.join()
            self.failures = self._job.failures()
            self.output.read_to_end()

    def _follow(self) -> None:
        deadline = time.monotonic() + TIMEOUT_S
        while self._job.state != "FINISHED":
            self._job.check()
            assert time.monotonic() < deadline, f"not drained: {self.output.counts()}"
            second = time.monotonic() + 1
            while time.monotonic() < second:
                self.output.poll(0.1)
            if self._kills and len(self.output.candles) >= self._kills[0] and not self.output.twice:
                self._kill()

    def _kill(self) -> None:
        """Kill the TaskManager, once the cluster has seen the kill before and come back from it."""
        self._kills.pop(0)
        wait_until(lambda: self._job.failures() >= self._killed, "the failure after a kill")
        self._job.await_running()
        self._killed += 1
        os.kill(self._stack.pids["taskmanager"], signal.SIGKILL)

    def broken(self) -> list[str]:
        """The invariants that do not hold, with what breaks them."""
        return broken(self._tape, self.output)


def broken(tape: list[TradeRecord], output: Output) -> list[str]:
    """The invariants that do not hold between a tape and what is committed of it, with what breaks them."""
    verdict = compare(expected_candles(tape).candles, output.candles)
    counts = output.counts()
    hours = {key: each for key, each in by_key(output.candles).items() if key.resolution == "1h"}
    invariants = {
        f"uniqueness: {output.twice[:5]}": not output.twice,
        f"conservation: {counts} of {len(tape)}": sum(counts.values()) == len(tape),
        f"equality: {verdict.summary()}": verdict.holds,
        "roll-up": rolled_up(output.candles) == hours,
    }
    return [invariant for invariant, holds in invariants.items() if not holds]


def by_key(candles: list[dict[str, Any]]) -> dict[CandleKey, dict[str, Any]]:
    """The values of candles that a roll-up must keep, by key."""
    kept = ("open", "high", "low", "close", "volume", "notional", "trade_count", "duplicate_count")
    return {CandleKey.of(each): {name: each[name] for name in kept} for each in candles}


def rolled_up(candles: list[dict[str, Any]]) -> dict[CandleKey, dict[str, Any]]:
    """The hours that the seconds among the candles make."""
    hours = defaultdict[CandleKey, list[dict[str, Any]]](list)
    for key, each in sorted(by_key(candles).items()):
        if key.resolution == "1s":
            start = key.window_start - key.window_start % HOUR_NS
            hours[CandleKey(key.symbol, "1h", start)].append(each)
    with localcontext(Context(prec=60)):
        return {
            hour: {
                "open": seconds[0]["open"],
                "high": max(each["high"] for each in seconds),
                "low": min(each["low"] for each in seconds),
                "close": seconds[-1]["close"],
                **{name: sum(each[name] for each in seconds) for name in SUMS},
            }
            for hour, seconds in hours.items()
        }


def test_after_a_kill_every_invariant_holds_for_a_reader_of_committed_records(stack: Stack) -> None:
    run = Run(stack, "jobs/candles.py", [5_000])
    assert run.failures >= 1
    assert run.broken() == []


@pytest.mark.thorough
def test_the_invariants_catch_sinks_that_are_only_at_least_once(stack: Stack) -> None:
    run = Run(stack, "tests/jobs/at_least_once.py", [3_000, 8_000, 13_000])
    assert run.failures >= 1
    assert [invariant.partition(":")[0] for invariant in run.broken()][:2] == ["uniqueness", "conservation"]
