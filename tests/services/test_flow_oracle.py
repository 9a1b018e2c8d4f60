"""What trades with quotes and the order flow must say, by hand."""

from decimal import Decimal

import pytest

from services.flow_oracle import ExpectedFlow, expected_flow, expected_trades
from services.oracle import SECOND_NS, CandleKey
from services.records import QuoteRecord
from tests.services.tape import quote, trade

MS = 1_000_000
AFTER = SECOND_NS


def sized(ts_event: int, bid: str | None, ask: str | None, bid_size: int | None, ask_size: int | None) -> QuoteRecord:
    sizes = [None if each is None else Decimal(each) for each in (bid_size, ask_size)]
    return quote(ts_event, bid, ask, bid_size=sizes[0], ask_size=sizes[1])


def flow(*quotes: QuoteRecord) -> ExpectedFlow:
    return expected_flow("A", [], quotes, ["1s"])[CandleKey("A", "1s", 0)]


def test_a_trade_has_the_last_quote_before_it_and_not_the_one_it_leaves_behind() -> None:
    quotes = [quote(0, "9", "11"), quote(5 * MS, "10", "12")]
    (at_once, after) = expected_trades([trade(5 * MS, "11"), trade(6 * MS, "11")], quotes, AFTER)
    assert (at_once.bid_price, at_once.ask_price, at_once.quote_ts_event) == (Decimal(9), Decimal(11), 0)
    assert (after.bid_price, after.ask_price, after.quote_ts_event) == (Decimal(10), Decimal(12), 5 * MS)


def test_the_best_of_venues_is_quoted_with_their_sizes_together() -> None:
    quotes = [
        sized(0, "9", "11", 5, 7),
        sized(1, "9", "12", 3, 1) | {"venue": "W"},
    ]
    (found,) = expected_trades([trade(2, "11")], quotes, AFTER)
    assert (found.bid_price, found.bid_size) == (Decimal(9), Decimal(8))
    assert (found.ask_price, found.ask_size) == (Decimal(11), Decimal(7))


@pytest.mark.parametrize(
    ("price", "told", "aggressor", "source"),
    [
        ("10.01", None, "buy", "quote"),
        ("9.99", None, "sell", "quote"),
        ("10", None, "buy", "tick"),
        ("10.01", "sell", "sell", "venue"),
    ],
)
def test_who_took_is_told_by_the_venue_else_by_the_middle_else_by_the_last_change_of_price(
    price: str, told: str | None, aggressor: str, source: str
) -> None:
    before = [trade(1, "9.5"), trade(2, "9.75")]
    found = expected_trades([*before, trade(3, price, aggressor=told)], [quote(0, "9", "11")], AFTER)[-1]
    assert (found.aggressor, found.aggressor_source) == (aggressor, source)


def test_before_the_first_quote_and_the_first_change_of_price_nothing_tells() -> None:
    (found, same) = expected_trades([trade(1, "10"), trade(2, "10")], [quote(2, "9", "11")], AFTER)
    assert (found.aggressor, same.aggressor, found.effective_spread, found.realised_spread) == (None,) * 4


def test_a_spread_is_twice_the_distance_from_the_middle_then_and_later() -> None:
    quotes = [quote(0, "9", "11"), quote(AFTER, "9.5", "11"), quote(AFTER + 1, "20", "21")]
    bought, sold = expected_trades([trade(1, "10.5"), trade(2, "9.25")], quotes, AFTER)
    assert (bought.effective_spread, bought.realised_spread) == (Decimal(1), Decimal("0.5"))
    assert (sold.effective_spread, sold.realised_spread) == (Decimal("1.5"), Decimal("22.5"))


@pytest.mark.parametrize(
    ("after", "came"),
    [
        (("10", "11", 7, 5), 2),  # two more units wanted
        (("10", "11", 5, 8), -3),  # three more units offered
        (("10.5", "11", 4, 5), 4),  # a better bid
        (("9", "11", 40, 5), -5),  # the best bid is gone
        (("10", "10.5", 5, 6), -6),  # a better ask
        (("10", "12", 5, 60), 5),  # the best ask is gone
        ((None, "11", None, 5), -5),  # nobody bids
        (("10", None, 5, None), 5),  # nobody asks
    ],
)
def test_order_flow_is_what_comes_to_the_best_bid_and_leaves_the_best_ask(
    after: tuple[str | None, str | None, int | None, int | None], came: int
) -> None:
    found = flow(sized(1, "10", "11", 5, 5), sized(2, *after))
    assert found.order_flow_imbalance == Decimal(came)


def test_a_size_that_is_not_told_leaves_the_order_flow_unknown() -> None:
    assert flow(sized(1, "10", "11", 5, 5), sized(2, "10", "11", None, 5)).order_flow_imbalance is None


def test_a_window_sums_both_sides_and_weighs_spreads_by_size() -> None:
    quotes = [quote(0, "9", "11")]
    trades = expected_trades([trade(1, "10.5", "3"), trade(2, "9", "1"), trade(3, "10", "5")], quotes, AFTER)
    found = expected_flow("A", trades, quotes, ["1s"])[CandleKey("A", "1s", 0)]
    assert (found.buy_volume, found.sell_volume, found.unknown_volume) == (Decimal(8), Decimal(1), Decimal(0))
    assert found.effective_spread == Decimal("0.555555555556")  # (3 x 1 + 1 x 2 + 5 x 0) / 9
    assert (found.trade_count, found.quote_count) == (3, 1)
