"""The candle job and the reconcile job together on a feed that does everything wrong, against the oracle."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from deploy.stack import Stack
from jobs import topics
from jobs.settings import Settings
from services.oracle import RESOLUTIONS_NS, SECOND_NS, CandleKey, expected_candles
from services.verdict import compare
from tests.integration.candle_job import START_NS, CandleJob, Feed, settings
from tests.integration.candle_output import Output
from tests.services.tape import trade

pytestmark = pytest.mark.integration

RESOLUTIONS = ("1s", "1m", "15m")
CLOSED_S = 1_900
"""Windows that end before are closed in the end."""


@dataclass
class Market:
    """Both jobs on a feed, and everything that was sent to them in order."""

    feed: Feed
    chosen: Settings
    output: Output
    tape: list[tuple[tuple[int, int], Any]] = field(default_factory=list)

    def send(self, name: str, second: float, partition: int = 0, **fields: Any) -> Any:
        record = trade(START_NS + int(second * SECOND_NS), symbol=self.feed.symbol(name), **fields)
        return self.put(record, partition)

    def put(self, record: Any, partition: int = 0) -> Any:
        self.tape.append((self.feed.send(partition, record), record))
        return record

    def move_on(self, second: float) -> None:
        """Let event time pass on every partition, and everything before it become visible."""
        for partition in self.feed.ends:
            self.send("clock", second, partition, trade_id=f"{second}-{partition}")
        self.feed.flush()


def cancel(original: Any) -> Any:
    naming = {"original_trade_id": original["trade_id"], "original_ts_event": original["ts_event"]}
    return {**original, "action": "cancel", "trade_id": None, **naming}


def correct(original: Any, **changed: Any) -> Any:
    return {**cancel(original), "action": "correct", **changed}


@pytest.fixture(scope="module")
def market(stack: Stack) -> Iterator[Market]:
    feed = Feed(stack)
    chosen = settings(stack, feed, resolutions=",".join(RESOLUTIONS), parallelism=1)
    topics.prepare(chosen)
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
    on_time = CandleKey(market.feed.symbol("late"), "1s", START_NS + SECOND_NS)
    market.output.follow_until(lambda: on_time in market.output.keys, "the candle on time")
    market.send("late", 1.5, price="12", trade_id="2")
    market.send("late", 1, price="10", trade_id="1")  # a late copy
    market.send("all late", 3, price="6", trade_id="1")
    market.put(cancel(bad))
    market.put(correct(wrong, price=Decimal(6)))
    market.put(cancel(early))
    market.move_on(100)
    market.move_on(2_000)
    expected = expected_candles([record for _, record in sorted(market.tape, key=lambda sent: sent[0])], RESOLUTIONS)
    closed = {
        key: candle for key, candle in expected.candles.items() if candle.window_end <= START_NS + 1_900 * SECOND_NS
    }
    assert len(closed) > 20
    market.output.follow_until(lambda: _wrong(market, closed) == set(), "the last revision")


def _wrong(market: Market, closed: dict[CandleKey, Any]) -> set[CandleKey]:
    """Windows whose highest revision is not as expected; one without trades is as good as none.

    A copy that came late is a late row and changes no candle, so the number of copies is not compared.
    """
    verdict = compare(closed, market.output.candles)
    differing = {found.key for found in verdict.differing if found.field != "duplicate_count"}
    end = START_NS + CLOSED_S * SECOND_NS
    empty = {
        CandleKey(c["symbol"], c["resolution"], c["window_start"])
        for c in market.output.candles
        if not c["trade_count"]
    }
    early = {key for key in verdict.unexpected if key.window_start + RESOLUTIONS_NS[key.resolution] <= end}
    return differing | set(verdict.missing) | set(verdict.twice) | (early - empty)
