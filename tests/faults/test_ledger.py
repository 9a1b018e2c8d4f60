"""The books balance for what a right job shows its readers, and every way to be wrong is noticed."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import pytest

from schemas import topics
from services.oracle import SECOND_NS, expected_candles
from services.records import TradeRecord
from tests.faults.feed import PARTITIONS, Sent, tape
from tests.faults.ledger import END_OF_TIME_NS, GRACE_NS, PERIOD_NS, Ledger
from tests.integration.candle_job import START_NS
from tests.services.tape import trade

RESOLUTIONS = ("1s", "1m", "5m")
TRADES: list[TradeRecord] = list(islice(tape(2013, str, START_NS), 1750))  # nearly six minutes
Candle = dict[str, Any]


def candles(trades: Iterable[TradeRecord] = TRADES) -> list[Candle]:
    """What a right job publishes."""
    expected = expected_candles(trades, RESOLUTIONS).candles
    return [{**key._asdict(), **candle._asdict(), "revision": 0} for key, candle in sorted(expected.items())]


def booked(shown: Iterable[Candle], trades: Sequence[TradeRecord] = TRADES) -> Ledger:
    """The books when these trades were sent and these candles were read."""
    ledger = Ledger(RESOLUTIONS)
    ledger.send(Sent(number % PARTITIONS, number // PARTITIONS, each) for number, each in enumerate(trades))
    ledger.end()
    for candle in shown:
        ledger.read(topics.candles(candle["resolution"]), candle)
    return ledger


def found(ledger: Ledger) -> list[str]:
    """The names of all that is violated."""
    return [each.partition(":")[0] for each in ledger.violations + ledger.check(END_OF_TIME_NS)]


def test_the_books_of_a_right_job_balance() -> None:
    ledger = booked(candles())
    assert ledger.settled(START_NS + PERIOD_NS)
    assert found(ledger) == []


def test_one_dropped_candle_is_noticed() -> None:
    for dropped in (0, 300, -1):
        shown = candles()
        shown.pop(dropped)
        ledger = booked(shown)
        assert not ledger.settled(START_NS + 2 * PERIOD_NS)
        assert set(found(ledger)) == {"conservation", "equality", "agreement of the sinks"}


def test_one_doubled_candle_is_noticed() -> None:
    for doubled in (0, 300, -1):
        shown = candles()
        assert found(booked([*shown, shown[doubled]]))[:2] == ["uniqueness", "conservation"]


def test_a_reader_of_uncommitted_records_is_noticed() -> None:
    shown = candles()
    aborted = shown[100:200]  # written, aborted when the job failed, and written again
    assert "uniqueness" in found(booked([*shown[:100], *aborted, *shown[100:]]))


@pytest.mark.parametrize("field", ["open", "high", "volume", "vwap"])
def test_one_wrong_digit_is_noticed(field: str) -> None:
    shown = candles()
    shown[500] = {**shown[500], field: shown[500][field].next_plus()}
    assert found(booked(shown)) == ["equality"]


def test_a_window_that_closes_before_the_feed_has_come_to_its_end_is_noticed() -> None:
    ledger = Ledger(RESOLUTIONS)
    ledger.send([Sent(0, 0, TRADES[0])])
    ledger.read(topics.candles("1m"), next(each for each in candles(TRADES[:1]) if each["resolution"] == "1m"))
    assert found(ledger)[0] == "watermark"


def test_a_revision_without_the_one_before_is_noticed() -> None:
    (minute,) = (each for each in candles(TRADES[:1]) if each["resolution"] == "1m")
    assert "revisions" in found(booked([{**minute, "revision": 1}], TRADES[:1]))


LATE = trade(START_NS + SECOND_NS, symbol="0", venue="X", trade_id="late")


def late_row(trades: int) -> dict[str, Any]:
    return {"symbol": "0", "second": START_NS + SECOND_NS, "trades": trades}


def test_a_late_trade_is_in_no_candle_but_accounted_for() -> None:
    ledger = booked(candles(), [*TRADES, LATE])
    assert not ledger.settled(START_NS + PERIOD_NS)
    ledger.read(topics.LATE, late_row(1))
    assert ledger.settled(START_NS + PERIOD_NS)
    assert found(ledger) == []


def test_a_late_trade_that_is_counted_twice_is_noticed() -> None:
    ledger = booked(candles(), [*TRADES, LATE])
    ledger.read(topics.LATE, late_row(2))
    assert found(ledger)[0] == "conservation"


def test_poison_must_be_rejected_once() -> None:
    ledger = Ledger(RESOLUTIONS)
    ledger.send([Sent(1, 7, None)])
    assert not ledger.settled(START_NS)
    ledger.read(topics.REJECTED, {"partition": 1, "offset": 7, "rule": "magic"})
    assert ledger.settled(START_NS)
    ledger.read(topics.REJECTED, {"partition": 1, "offset": 7, "rule": "magic"})
    assert found(ledger) == ["conservation"]


def test_a_period_is_checked_once_it_is_over() -> None:
    ledger = booked([])
    end = START_NS - START_NS % PERIOD_NS + PERIOD_NS
    assert ledger.check(end + GRACE_NS - 1) == []
    assert ledger.check(end + GRACE_NS) != []
    assert ledger.check(end + GRACE_NS) == []
