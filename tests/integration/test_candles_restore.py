"""A job that is stopped with a savepoint and started from it, at another parallelism: no trade is lost or doubled.

Three lives of one job on three partitions. At a parallelism of two, partition 1 has a subtask of its own; it falls
silent early, so that only the merge knows how far its seconds are closed. Partition 2 sends nothing in the second
life, so that nobody claims what is known of it.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from deploy.stack import Stack
from services.oracle import SECOND_NS, expected_candles
from services.records import TradeRecord
from tests.integration.candle_job import START_NS, CandleJob, Feed, settings
from tests.integration.candle_output import Output
from tests.services.tape import trade

pytestmark = pytest.mark.integration

PARTITIONS = (0, 1, 2)
CLOSED = 30 * SECOND_NS
"""A time whose second was closed before the first savepoint."""
OPEN = 50 * SECOND_NS
"""A time whose second is open until the third life."""
LAST = 3_600 * SECOND_NS
MANY = 30_000
"""Ids of 16 bytes: more than two blocks of a partition's state (PartitionState.java)."""
MORE_THAN_FEW = 9_000
"""Symbols of a partition with a trade that do not leave before a checkpoint (Fold.java)."""


@dataclass
class Lives:
    """What was sent to the three lives, and what they left behind."""

    feed: Feed
    on_time: list[TradeRecord] = field(default_factory=list)
    late: list[TradeRecord] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    read_before: int = 0
    """How many messages earlier lives have read."""

    def send(self, partition: int, nanos: int, tape: list[TradeRecord], trade_id: str | None = None) -> None:
        """Send a trade of the partition's symbol, so many nanoseconds after the start."""
        fields: dict[str, Any] = {"venue": "X", "trade_id": trade_id or f"{partition} {nanos}"}
        made = trade(START_NS + nanos, symbol=self.feed.symbol(f"P{partition}"), **fields)
        self.feed.send(partition, made)
        tape.append(made)

    def first(self, job: CandleJob) -> None:
        """All partitions begin; 1 falls silent, and the others close its seconds."""
        for partition in PARTITIONS:
            self.send(partition, 0, self.on_time)
        self.await_read(job)
        time.sleep(2)
        for nanos in (CLOSED, OPEN):
            for partition in (0, 2):
                self.send(partition, nanos, self.on_time)
            self.await_read(job)

    def second(self) -> None:
        """Late trades come first."""
        self.send(1, CLOSED, self.late)
        self.send(0, CLOSED, self.late, "late")
        self.feed.flush()

    def second_goes_on(self, job: CandleJob) -> None:
        """A copy of a trade that the first life read, and another trade of its second."""
        self.send(0, OPEN, self.on_time)
        self.send(0, OPEN + 1, self.on_time)
        self.await_read(job)

    def third(self) -> None:
        """A late trade comes first; then copies of trades that the first two lives read, and the next minute."""
        self.send(0, CLOSED, self.late, "late again")
        self.send(0, OPEN, self.on_time)
        self.send(0, OPEN + 1, self.on_time)
        self.send(2, OPEN, self.on_time)
        self.send(1, OPEN + 2, self.on_time)
        self.feed.flush()

    def last(self, job: CandleJob) -> None:
        """The next minute, and what closes it."""
        for nanos in (70 * SECOND_NS, LAST):
            for partition in PARTITIONS:
                self.send(partition, nanos, self.on_time)
            self.await_read(job)

    def await_read(self, job: CandleJob) -> None:
        """Wait until this life has read what was sent; else silent partitions would be overtaken."""
        self.feed.flush()
        job.await_read(len(self.on_time) + len(self.late) - self.read_before)

    @property
    def closed(self) -> list[TradeRecord]:
        """The trades on time whose windows are closed at the end."""
        return [each for each in self.on_time if each["ts_event"] < START_NS + LAST]


@dataclass(frozen=True)
class Ended:
    """The three lives once they are over."""

    lives: Lives
    output: Output
    accounted: dict[str, int]


@pytest.fixture(scope="module")
def ended(stack: Stack) -> Iterator[Ended]:
    lives = Lives(Feed(stack, partitions=3))
    common = {"idle_timeout": "500ms", "out_of_orderness": "1s", "resolutions": "1s,1m"}
    two = settings(stack, lives.feed, parallelism=2, **common)
    one = settings(stack, lives.feed, parallelism=1, **common)

    with CandleJob.submit(stack, two) as job, Output(stack, two, lives.feed) as output:
        lives.first(job)
        output.follow_until(lambda: output.counts()["in candles"] >= 5, "the candles of the first life")
        savepoint = end(lives, job)

        lives.second()
        with CandleJob.submit(stack, one, savepoint=savepoint) as job:
            output.follow_until(lambda: len(output.late) >= 2, "the late rows of the second life")
            lives.second_goes_on(job)
            savepoint = end(lives, job)

        lives.third()
        with CandleJob.submit(stack, two, savepoint=savepoint) as job:
            output.follow_until(lambda: len(output.late) >= 3, "the late row of the third life")
            lives.await_read(job)
            lives.last(job)
            expected = expected_candles(lives.closed, ["1s", "1m"])
            output.follow_to(expected.candles, expected.trades + len(lives.late))
            end(lives, job)
            output.read_to_end()
        yield Ended(lives, output, output.counts())


def end(lives: Lives, job: CandleJob) -> str:
    """End a life with a savepoint; returns its path."""
    lives.read_before = len(lives.on_time) + len(lives.late)
    lives.dropped.append(job.dropped())
    assert job.restarts() == 0
    return job.stop()


def test_a_late_trade_right_after_a_restore_is_a_late_row(ended: Ended) -> None:
    def place(symbol: str, second: int) -> tuple[str, int]:
        return symbol, second - second % SECOND_NS

    expected = sorted(place(each["symbol"], each["ts_event"]) for each in ended.lives.late)
    assert sorted(place(row["symbol"], row["second"]) for row in ended.output.late) == expected
    assert {(row["reason"], row["trades"]) for row in ended.output.late} == {("late", 1)}


def test_only_the_merge_knew_that_the_silent_partitions_trade_is_late(ended: Ended) -> None:
    ids = {row["symbol"].rpartition("-")[2]: row["trade_id"] for row in ended.output.late}
    assert ids["P1"] is None
    assert ids["P0"] is not None


def test_no_candle_is_published_twice_and_copies_from_before_a_savepoint_are_found(ended: Ended) -> None:
    expected = expected_candles(ended.lives.closed, ["1s", "1m"]).candles
    verdict = ended.output.verdict(expected)
    assert verdict.holds, verdict.summary()
    assert ended.accounted["duplicates"] == 4


def test_every_trade_of_the_three_lives_is_accounted_for(ended: Ended) -> None:
    assert sum(ended.accounted.values()) == len(ended.lives.closed) + len(ended.lives.late)
    assert ended.lives.dropped == [0, 0, 0]


@pytest.mark.thorough
def test_ids_that_fill_several_blocks_of_state_are_known_after_a_savepoint(stack: Stack) -> None:
    feed = Feed(stack, partitions=1)
    chosen = settings(stack, feed, resolutions="1s", parallelism=1)
    fields = ({"symbol": feed.symbol(str(number % 50)), "trade_id": f"{number:015}"} for number in range(MANY))
    tape = [trade(START_NS + number, venue="X", **each) for number, each in enumerate(fields)]
    savepoint = None
    for known in (0, MANY):
        for each in tape:
            feed.send(0, each)
        feed.flush()
        with CandleJob.submit(stack, chosen, savepoint=savepoint) as job:
            job.await_read(MANY)
            assert job.counted("fold.duplicates") == known
            savepoint = job.stop()


@pytest.mark.thorough
def test_what_very_many_symbols_have_open_waits_in_state_for_the_rest_of_its_second(stack: Stack) -> None:
    feed = Feed(stack, partitions=2)
    common = {"resolutions": "1s,1m", "out_of_orderness": "1s"}
    two = settings(stack, feed, parallelism=2, idle_timeout="10min", **common)  # what falls idle emits all
    one = settings(stack, feed, parallelism=1, idle_timeout="500ms", **common)
    lives = Lives(feed)
    both = [(partition, number) for partition in (0, 1) for number in range(MORE_THAN_FEW)]

    def send(partition: int, number: int, nanos: int) -> None:
        symbol = feed.symbol(f"{partition}-{number}")
        made = trade(START_NS + nanos, symbol=symbol, venue="X", trade_id=f"{number} {nanos}")
        feed.send(partition, made)
        lives.on_time.append(made)

    for partition, number in both:
        send(partition, number, number)
    feed.flush()
    with CandleJob.submit(stack, two) as job:
        job.await_read(len(both))
        savepoint = end(lives, job)

    for number in range(MORE_THAN_FEW):  # partition 1 is silent
        send(0, number, SECOND_NS // 2 + number)
    send(0, 0, LAST)
    feed.flush()
    with CandleJob.submit(stack, one, savepoint=savepoint), Output(stack, one, feed) as output:
        expected = expected_candles(lives.closed, ["1s", "1m"])
        output.follow_to(expected.candles, expected.trades)
        verdict = output.verdict(expected.candles)
    assert verdict.holds, verdict.summary()
