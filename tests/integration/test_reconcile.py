"""The candle job and the reconcile job together on a feed that does everything wrong, against the oracle."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as hypothesis_settings

from deploy.stack import Stack
from jobs import topics
from jobs.settings import Settings
from services.oracle import RESOLUTIONS_NS, SECOND_NS, CandleKey, ExpectedCandle, expected_candles
from services.sale_conditions import SaleConditions
from services.verdict import compare
from tests.integration.candle_job import CandleJob, Feed, settings
from tests.integration.candle_output import Output
from tests.services.tape import trade
from tests.udfs.unruly import CONDITIONS, START, cancel, correct, tapes

pytestmark = pytest.mark.integration

RESOLUTIONS = ("1s", "1m", "15m")
REVISED_S = 1_200
"""A bound for a busy machine."""
TAPES = 500 if os.environ.get("CI") else 60
WAVES = 3
LONELY = 400
LATER_S = 3_600
"""The drawn tapes play an hour after the written one."""


@dataclass
class Market:
    """Both jobs on a feed, and everything that was sent to them in order."""

    feed: Feed
    chosen: Settings
    output: Output
    tape: list[tuple[tuple[int, int], Any]] = field(default_factory=list)
    until: int = 0

    def send(self, name: str, second: float, partition: int = 0, **fields: Any) -> Any:
        record = trade(START + int(second * SECOND_NS), symbol=self.feed.symbol(name), **fields)
        return self.put(record, partition)

    def put(self, record: Any, partition: int = 0) -> Any:
        self.tape.append((self.feed.send(partition, record), record))
        return record

    def move_on(self, second: float) -> None:
        """Let event time pass on every partition, and everything before it become visible."""
        for partition in self.feed.ends:
            self.send("clock", second, partition, trade_id=f"{second}-{partition}")
        self.feed.flush()

    def await_candle(self, name: str, second: int) -> None:
        """Wait until a candle of a second is committed."""
        key = CandleKey(self.feed.symbol(name), "1s", START + second * SECOND_NS)
        self.output.follow_until(lambda: key in self.output.keys, f"the candle of {name} at {second} s")

    def expected(self, until_s: int) -> dict[CandleKey, ExpectedCandle]:
        """The candles of everything that was sent, of windows that end by then."""
        self.until = START + until_s * SECOND_NS
        tape = [record for _, record in sorted(self.tape, key=lambda sent: sent[0])]
        found = expected_candles(tape, RESOLUTIONS, SaleConditions(CONDITIONS)).candles
        return {key: candle for key, candle in found.items() if candle.window_end <= self.until}

    def wrong(self, expected: dict[CandleKey, ExpectedCandle]) -> set[CandleKey]:
        """Windows whose highest revision is not as expected; one without trades is as good as none.

        A copy that came late is a late row and changes no candle, so the number of copies is not compared.
        """
        verdict = compare(expected, self.output.candles)
        differing = {found.key for found in verdict.differing if found.field != "duplicate_count"}
        emptied = {CandleKey.of(each) for each in self.output.candles if each["trade_count"] == 0}
        closed = {key for key in verdict.unexpected if key.window_start + RESOLUTIONS_NS[key.resolution] <= self.until}
        return differing | set(verdict.missing) | set(verdict.twice) | (closed - emptied)


@pytest.fixture(scope="module")
def market(stack: Stack) -> Iterator[Market]:
    feed = Feed(stack)
    names = ",".join(RESOLUTIONS)
    quick = "500ms"  # a revision waits for the candles it is of to be committed, wave after wave
    chosen = settings(
        stack, feed, resolutions=names, parallelism=1, conditions=str(CONDITIONS), checkpoint_interval=quick
    )
    topics.prepare(chosen, "candles")
    topics.prepare(chosen, "reconcile")
    with (
        CandleJob.submit(stack, chosen, restart=True),
        CandleJob.submit(stack, chosen, restart=True, file="jobs/reconcile.py"),
        Output(stack, chosen, feed) as output,
    ):
        yield Market(feed, chosen, output)


def test_the_highest_revisions_are_the_candles_of_the_tape_as_it_should_have_been(market: Market) -> None:
    market.send("quiet", 1, price="5")
    bad = market.send("busted", 1, price="99", trade_id="1")
    market.send("busted", 2, price="10", trade_id="2")
    wrong = market.send("corrected", 1, price="7", trade_id="1")
    market.send("corrected", 1.5, price="8", trade_id="2")
    market.send("late", 1, price="10", trade_id="1")
    for partition in (0, 1):
        market.send("doubled", 1, partition, price="3", trade_id="1")
    early = market.send("early bust", 29, price="4", trade_id="1")
    market.move_on(20)
    market.await_candle("late", 1)
    market.send("late", 1.5, price="12", trade_id="2")
    market.send("late", 1, price="10", trade_id="1")  # a late copy
    market.send("all late", 3, price="6", trade_id="1")
    market.put(cancel(bad))
    market.put(correct(wrong, price=Decimal(6)))
    market.put(cancel(early))
    market.move_on(100)
    market.move_on(2_000)
    closed = market.expected(1_900)
    assert len(closed) > 20
    market.output.follow_until(lambda: not market.wrong(closed), "the last revision", REVISED_S)


def test_unruly_tapes_end_at_the_candles_of_the_oracle(market: Market) -> None:
    """Late trades, copies on one partition and on two, busts, corrections and poison, in three waves of arrival."""
    waves: list[list[tuple[Any, int]]] = [[] for _ in range(WAVES)]
    for number, tape in enumerate(_drawn(TAPES)):
        for at, (record, partition, _) in enumerate(tape):
            symbol = market.feed.symbol(f"tape {number}")
            waves[at * WAVES // len(tape)].append((_later({**record, "symbol": symbol}), partition))
    for wave, then in zip(waves, (110, 200, 280), strict=True):
        for record, partition in sorted(wave, key=lambda each: each[0]["ts_event"]):
            market.put(record, partition)
        market.feed.send_bytes(0, b"\0\0\0\0\1 no trade")
        market.move_on(LATER_S + then)
        market.move_on(LATER_S + then + 10)
        market.await_candle("clock", LATER_S + then)
    market.move_on(LATER_S + 2_000)
    closed = market.expected(LATER_S + 1_900)
    assert len(closed) > 3 * TAPES
    market.output.follow_until(_now_and_then(lambda: not market.wrong(closed)), "the last revision", REVISED_S)
    assert market.output.counts()["rejected"] == WAVES
    assert {each["revision_reason"] for each in market.output.candles} >= {"late", "cancel", "correct", "partitions"}


def test_a_killed_python_worker_costs_no_revision_and_doubles_none(market: Market, stack: Stack) -> None:
    at = 3 * LATER_S
    for name in ("before", "after"):
        market.send(name, at + 1, price="10", trade_id="1")
    market.move_on(at + 20)
    market.await_candle("after", at + 1)
    market.send("before", at + 1.5, price="12", trade_id="2")
    market.move_on(at + 40)
    workers = [each for each in psutil.Process(stack.pids["taskmanager"]).children(recursive=True) if _is_python(each)]
    assert workers
    for worker in workers:
        worker.kill()
    market.send("after", at + 1.5, price="13", trade_id="2")
    market.move_on(at + 60)
    market.move_on(at + 2_000)
    closed = market.expected(at + 1_900)
    market.output.follow_until(lambda: not market.wrong(closed), "the last revision", REVISED_S)


def test_a_killed_taskmanager_costs_no_revision_and_doubles_none(market: Market, stack: Stack) -> None:
    """Nothing but a timer reminds the job of a symbol that has one late trade: it must be there after the kill."""
    at = 5 * LATER_S
    market.move_on(at + 20)
    market.move_on(at + 30)
    market.await_candle("clock", at + 20)
    seen = market.output.keys
    lonely = {
        CandleKey(market.feed.symbol(f"lonely {number}"), "1s", START + (at + 1) * SECOND_NS)
        for number in range(LONELY)
    }
    for key in lonely:
        market.put(trade(key.window_start, symbol=key.symbol, price="7", trade_id="1"))
    market.feed.flush()
    market.output.follow_until(lambda: bool(lonely & seen), "the first revision")
    os.kill(stack.pids["taskmanager"], signal.SIGKILL)
    market.move_on(at + 60)
    market.move_on(at + 2_000)
    closed = market.expected(at + 1_900)
    market.output.follow_until(_now_and_then(lambda: not market.wrong(closed)), "the last revision", REVISED_S)


def _is_python(process: psutil.Process) -> bool:
    return any("pyflink" in word for word in process.cmdline())


def _later(record: dict[str, Any]) -> dict[str, Any]:
    times = {name: record[name] + LATER_S * SECOND_NS for name in ("ts_event", "original_ts_event") if record[name]}
    return record | times


def _drawn(count: int) -> list[Any]:
    """As many tapes, always the same ones: they share a job, so that no search for a smaller one is possible."""
    found: list[Any] = []

    @seed(20131125)
    @given(tapes())
    @hypothesis_settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    def collect(tape: Any) -> None:
        found.append(tape)

    collect()
    return found


def _now_and_then(condition: Callable[[], bool]) -> Callable[[], bool]:
    """A condition that costs something, asked every other second."""
    asked = [0.0]

    def ask() -> bool:
        if time.monotonic() - asked[0] < 2:
            return False
        asked[0] = time.monotonic()
        return condition()

    return ask
