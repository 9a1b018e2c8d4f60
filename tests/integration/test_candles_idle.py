"""Partitions that fall silent and resume: nothing is lost, whatever the others did meanwhile.

Checkpoints are taken by the tests only, so that a partial candle that waits for one in a silent partition is found out.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from deploy.stack import Stack
from services.oracle import RESOLUTIONS_NS, SECOND_NS, CandleKey, expected_candles
from services.records import TradeRecord
from tests.integration.candle_job import START_NS, CandleJob, Feed, settings, wait_until
from tests.integration.candle_output import Output
from tests.services.tape import trade

pytestmark = pytest.mark.integration

MINUTE_NS = 60 * SECOND_NS
IDLE_TIMEOUT_S = 0.4
PARTITIONS = (0, 1)


@dataclass
class Session:
    """A job that runs on two partitions, and what is on its tape."""

    feed: Feed
    job: CandleJob
    output: Output
    tape: list[TradeRecord] = field(default_factory=list)

    def trade(self, partition: int, name: str, ts_event: int) -> None:
        """Send a trade of a symbol that belongs to the partition."""
        symbol = self.feed.symbol(f"{partition}-{name}")
        self.tape.append(trade(ts_event, symbol=symbol, trade_id=str(len(self.tape))))
        self.feed.send(partition, self.tape[-1])

    def trade_everywhere(self, name: str, ts_event: int) -> None:
        """Send a trade of eight symbols to every partition."""
        for partition in PARTITIONS:
            for number in range(8):
                self.trade(partition, f"{name}{number}", ts_event)

    def await_read(self) -> None:
        """Wait until the fold has seen the whole tape."""
        self.feed.flush()
        self.job.await_read(len(self.tape))

    def await_committed(self, symbols: str, resolution: str, ts_event: int) -> None:
        """Wait until everyone whose symbol contains this and who traded at this time has a candle of it."""
        length = RESOLUTIONS_NS[resolution]
        wanted = {
            CandleKey(each["symbol"], resolution, ts_event - ts_event % length)
            for each in self.tape
            if each["ts_event"] == ts_event and symbols in each["symbol"]
        }
        self.feed.flush()
        self._commit_until(lambda: wanted <= self.output.keys, f"{resolution} of {symbols} at {ts_event}")

    def await_all_but(self, still_open: int) -> None:
        """Wait until all trades are accounted for."""
        closed = len(self.tape) - still_open
        self._commit_until(lambda: sum(self.output.counts().values()) >= closed, f"{closed} trades")
        assert sum(self.output.counts().values()) == closed

    def _commit_until(self, condition: Callable[[], bool], what: str) -> None:
        def committed() -> bool:
            self.job.checkpoint()
            self.output.read_to_end()
            return condition()

        wait_until(committed, what)


@pytest.fixture(scope="module")
def session(stack: Stack) -> Iterator[Session]:
    feed = Feed(stack)
    chosen = settings(
        stack,
        feed,
        idle_timeout="400ms",
        out_of_orderness="1s",
        resolutions="1s,1m",
        checkpoint_interval="10min",  # the test takes them; nothing else may depend on them
        transaction_timeout="15min",
    )
    with CandleJob.submit(stack, chosen) as job, Output(stack, chosen, feed) as output:
        yield Session(feed, job, output)


@pytest.mark.thorough
def test_seconds_open_when_all_fall_silent_are_in_the_candles_once_trading_resumes(session: Session) -> None:
    starts = [START_NS + 10 * spell * MINUTE_NS + 40 * SECOND_NS for spell in range(3)]
    last = 19 * SECOND_NS  # the last second of the minute, still open in the silence
    for start in starts:
        session.trade_everywhere("Q", start)
        session.await_read()
        if start != starts[0]:
            session.await_committed("-Q", "1s", start - 10 * MINUTE_NS + last)
        session.trade_everywhere("Q", start + last)
        session.await_committed("-Q", "1s", start)
        time.sleep(3 * IDLE_TIMEOUT_S)
    for partition in PARTITIONS:
        session.trade(partition, "END", starts[-1] + 2 * MINUTE_NS)
    session.await_committed("-Q", "1m", starts[-1] + last)
    session.await_all_but(2)  # END of both partitions

    expected = expected_candles([each for each in session.tape if "END" not in each["symbol"]], ["1s", "1m"])
    verdict = session.output.verdict(expected.candles)
    assert verdict.holds, verdict.summary()
    assert session.output.late == []
    assert session.job.dropped() == 0


def test_trades_of_a_partition_that_resumes_behind_the_others_are_late_and_none_is_lost(session: Session) -> None:
    start = START_NS + 5 * 60 * MINUTE_NS
    before = len(session.output.late)
    for second in (0, 30):
        for partition in PARTITIONS:
            session.trade(partition, "R", start + second * SECOND_NS)
        session.await_read()  # both partitions were silent before: both must be read before either goes on
    time.sleep(3 * IDLE_TIMEOUT_S)

    for second in (60, 90):
        session.trade(0, "R", start + second * SECOND_NS)  # 1 is silent: 0 closes what is open
    session.await_read()
    session.await_committed("-R", "1s", start + 30 * SECOND_NS)
    for second in (31, 59, 95):
        session.trade(1, "R", start + second * SECOND_NS)
    session.await_read()
    for partition in PARTITIONS:
        session.trade(partition, "LAST", start + 10 * MINUTE_NS)
    session.await_committed("-R", "1m", start + 95 * SECOND_NS)

    session.await_all_but(2)  # LAST of both partitions

    late = [(row["second"] - start) // SECOND_NS for row in session.output.late[before:]]
    assert sorted(late) == [31, 59]
    assert {row["reason"] for row in session.output.late} == {"late"}
    assert session.job.dropped() == 0
