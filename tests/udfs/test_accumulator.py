"""What sale conditions do to a candle, and that accumulators merge in any order and any split to the same one."""

from decimal import Decimal
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.oracle import SECOND_NS, expected_candles
from services.sale_conditions import SaleConditions
from tests.services.tape import trade
from udfs import conditions
from udfs.accumulator import Accumulator
from udfs.recompute import Message, of_message

FILE = Path(__file__).with_name("conditions.toml")
RULES, CHECK = conditions.load(FILE), SaleConditions(FILE)
NAMES = ["open", "high", "low", "close", "volume"]
DAY_NS = 86_400 * SECOND_NS


def sold(second: float, price: str, *told: str, **fields: Any) -> Any:
    """A trade of a venue with rules, of size 1."""
    return trade(int(second * SECOND_NS), price, venue="X", conditions=list(told), **fields)


def accumulators(*tape: Any) -> list[Accumulator]:
    return [of_message(Message(0, offset, record), RULES) for offset, record in enumerate(tape)]


def shown(resolution: str, *tape: Any) -> list[Any]:
    """Open, high, low, close and volume of the candle of all these trades."""
    candle = Accumulator.merged(accumulators(*tape)).candle("A", resolution, (0, DAY_NS), 0, None)
    return [candle[name] and int(candle[name]) for name in NAMES]


ALONE = {
    "regular": [5, 5, 5, 5, 1],
    "unheard of": [5, 5, 5, 5, 1],
    "no open": [None, 5, 5, None, 1],
    "no high": [5, None, None, 5, 1],
    "no price": [None, None, None, None, 1],
    "if first": [5, 5, 5, 5, 1],
    "if only": [5, 5, 5, 5, 1],
    "extended": [5, 5, 5, 5, 1],
    "no volume": [5, 5, 5, 5, 0],
    "nothing": [None, None, None, None, 0],
}


@pytest.mark.parametrize("told", ALONE)
def test_a_trade_alone_in_its_candle(told: str) -> None:
    assert shown("1s", sold(0, "5", told)) == ALONE[told]


BETWEEN = {
    "regular": [3, 9, 1, 4, 4],
    "no open": [3, 9, 1, 4, 4],
    "no high": [3, 4, 3, 4, 4],
    "no price": [3, 4, 3, 4, 4],
    "if first": [3, 4, 3, 4, 4],
    "if only": [3, 4, 3, 4, 4],
    "extended": [3, 4, 3, 4, 4],
    "no volume": [3, 9, 1, 4, 2],
    "nothing": [3, 4, 3, 4, 2],
}


@pytest.mark.parametrize("told", BETWEEN)
def test_two_trades_between_regular_ones(told: str) -> None:
    assert shown("1s", sold(0, "3"), sold(0.1, "9", told), sold(0.2, "1", told), sold(0.3, "4")) == BETWEEN[told]


def test_if_first_sets_the_open_before_a_regular_trade_and_the_close_only_without_one() -> None:
    assert shown("1s", sold(0, "9", "if first"), sold(0.1, "3")) == [9, 9, 3, 3, 2]
    assert shown("1s", sold(0, "3"), sold(0.1, "9", "if first")) == [3, 3, 3, 3, 2]
    assert shown("1s", sold(0, "9", "if first"), sold(0.1, "7", "if first")) == [9, 9, 9, 9, 2]


def test_the_trade_that_is_in_as_the_first_of_its_nanosecond_sets_the_open() -> None:
    """Beside numbered trades of its venue: alone, the other two would leave the open to the regular one."""
    tape = (sold(0, "1", sequence=2), sold(0, "2", "if first"), sold(0, "3", "if first", sequence=1))
    assert shown("1s", *tape)[0] == 2
    (expected,) = expected_candles(tape, ["1s"], CHECK).candles.values()
    assert expected.open == 2


def test_open_and_high_are_judged_apart() -> None:
    tape = (
        sold(0, "9", "no open"),
        sold(0.1, "5", "if first"),
        sold(0.2, "4", "high if first"),
        sold(0.3, "3", "no high"),
    )
    assert shown("1s", *tape) == [5, 9, 9, 3, 4]


def test_a_trade_first_of_what_may_set_a_price_need_not_be_the_first_of_the_candle() -> None:
    assert shown("1s", sold(0, "1", "no price"), sold(0.1, "9", "if first"), sold(0.2, "3")) == [9, 9, 3, 3, 3]


def test_if_only_means_any_other_trade() -> None:
    assert shown("1s", sold(0, "9", "if only"), sold(0.1, "3", "nothing")) == [None, None, None, None, 1]


def test_conditional_rules_are_judged_for_each_candle_on_its_own() -> None:
    first, second = sold(0.5, "3"), sold(1.5, "9", "if first")
    assert shown("1s", first) == [3, 3, 3, 3, 1]
    assert shown("1s", second) == [9, 9, 9, 9, 1]
    assert shown("1m", first, second) == [3, 3, 3, 3, 2]
    assert shown("1m", first, sold(1.5, "9", "if only")) == [3, 3, 3, 3, 2]


def test_trades_of_extended_hours_set_prices_of_their_own_candles_and_never_of_a_day_or_session() -> None:
    early, regular = sold(0, "9", "extended"), sold(3600, "3")
    assert shown("1m", early) == [9, 9, 9, 9, 1]
    assert shown("1h", early, regular) == [3, 3, 3, 3, 2]
    assert shown("extended", early) == [9, 9, 9, 9, 1]
    for whole in ("1d", "session", "day"):
        assert shown(whole, early) == [None, None, None, None, 1]
        assert shown(whole, early, regular) == [3, 3, 3, 3, 2]


def test_the_most_restrictive_condition_decides_unless_one_wins() -> None:
    assert shown("1s", sold(0, "3"), sold(0.1, "9", "no high", "no open")) == [3, 3, 3, 3, 2]
    assert shown("1s", sold(0, "3"), sold(0.1, "9", "no price", "wins")) == [3, 9, 3, 9, 2]
    assert shown("1s", sold(0, "9", "extended", "no price")) == [None, None, None, None, 1]


def test_conditions_mean_nothing_at_a_venue_without_rules() -> None:
    assert shown("1s", {**sold(0, "5", "nothing"), "venue": "Y"}) == [5, 5, 5, 5, 1]


def test_the_vwap_is_that_of_the_trades_whose_volume_counts() -> None:
    tape = sold(0, "3"), sold(0.1, "9", "no volume"), sold(0.2, "5", "no price")
    candle = Accumulator.merged(accumulators(*tape)).candle("A", "1s", (0, SECOND_NS), 0, None)
    assert (candle["vwap"], candle["notional"], candle["trade_count"]) == (4, 8, 3)
    nothing = accumulators(sold(0, "9", "nothing"))[0].candle("A", "1s", (0, SECOND_NS), 0, None)
    assert (nothing["vwap"], nothing["trade_count"], nothing["first_ts_event"]) == (None, 1, 0)


def test_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="accumulator written in format 1, this version reads 2"):
        Accumulator.from_bytes(b"\x01" + Accumulator().to_bytes()[1:])


CONDITIONS = st.lists(st.sampled_from(sorted(RULES.sets[0].known)), max_size=2)
TRADES = st.builds(
    lambda nanos, price, told, sequence, venue: trade(
        nanos, price, venue=venue, conditions=told, sequence=sequence if venue else None
    ),
    st.sampled_from([0, 1, 2, SECOND_NS - 1]),
    st.sampled_from(["1", "2", "3.5", "0.000000000001"]),
    CONDITIONS,
    st.none() | st.integers(0, 2),
    st.sampled_from(["X", "X", "X2", "Y", None]),
)


@given(st.lists(TRADES, min_size=1, max_size=8), st.randoms(use_true_random=False))
@settings(max_examples=1000, deadline=None)
def test_in_any_order_and_any_split_the_candle_is_the_oracles(tape: list[Any], random: Any) -> None:
    parts = accumulators(*tape)
    random.shuffle(parts)
    cut = random.randint(0, len(parts))
    merged = reduce(Accumulator.merge, parts[:cut], Accumulator()).merge(Accumulator.merged(parts[cut:]))
    read = Accumulator.from_bytes(merged.to_bytes())
    assert read.to_bytes() == merged.to_bytes()
    for key, expected in expected_candles(tape, ["1s", "1d"], CHECK).candles.items():
        candle = read.candle("A", key.resolution, (key.window_start, expected.window_end), 0, None)
        assert {name: candle[name] for name in expected._fields} == expected._asdict()


@given(st.lists(TRADES, min_size=1, max_size=8))
def test_it_is_the_same_whatever_way_it_was_merged(tape: list[Any]) -> None:
    parts = accumulators(*tape)
    assert reduce(lambda one, other: other.merge(one), parts) == Accumulator.merged(parts)
    assert Accumulator.merged(parts).merge(Accumulator()) == Accumulator.merged(parts)


def test_an_amount_is_exact() -> None:
    candle = accumulators(sold(0, "0.000000000001"))[0].candle("A", "1s", (0, SECOND_NS), 0, None)
    assert candle["open"] == Decimal("0.000000000001")
