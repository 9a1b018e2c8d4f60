"""Adjusted candles are what was published for known splits and dividends, and what an investor had of them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.exact import EPOCH, nanoseconds
from services.adjustment import AdjustmentError, Factors, Schedule, adjusted, in_effect
from services.candle_json import plain_decimal
from services.reference import CorporateAction
from tests.services.candles import candle

DAY = timedelta(days=1)


def split(effective: datetime, ratio: str, per: str = "1") -> CorporateAction:
    told = {"symbol": "A", "effective": effective, "type": "split", "ratio": ratio, "per": per}
    return CorporateAction.model_validate(told)


def dividend(effective: datetime, amount: str, close_before: str | None = None) -> CorporateAction:
    told = {"symbol": "A", "effective": effective, "type": "dividend", "amount": amount, "close_before": close_before}
    return CorporateAction.model_validate(told)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def of_day(date: datetime, close: str = "100", **fields: Any) -> dict[str, Any]:
    """A day of one price, 3 units of it."""
    price = Decimal(close)
    prices = dict.fromkeys(("open", "high", "low", "close", "vwap"), price)
    told = {**prices, "notional": price * 3, "volume": Decimal(3), **fields}
    return candle(resolution="1d", window_start=nanoseconds(date), window_end=nanoseconds(date + DAY), **told)


def closes(candles: list[dict[str, Any]], *actions: CorporateAction) -> list[str]:
    return [plain_decimal(each["close"]) for each in adjusted(candles, actions)]


@pytest.mark.parametrize(
    ("before", "effective", "ratio", "per", "close", "expected"),
    [
        ("2020-08-28", "2020-08-31", "4", "1", "499.23", "124.8075"),  # AAPL
        ("2022-08-24", "2022-08-25", "3", "1", "891.29", "297.096666666667"),  # TSLA
        ("2024-06-07", "2024-06-10", "10", "1", "1208.88", "120.888"),  # NVDA
        ("2021-07-30", "2021-08-02", "1", "8", "12.95", "103.6"),  # GE
    ],
)
def test_closes_before_well_known_splits(
    before: str, effective: str, ratio: str, per: str, close: str, expected: str
) -> None:
    assert closes([of_day(day(before), close)], split(day(effective), ratio, per)) == [expected]


def test_the_adjusted_closes_of_a_split_and_a_dividend_are_those_of_yahoos_example() -> None:
    """https://help.yahoo.com/kb/SLN28256.html: a split 2:1 on the 18th and 0.08 a share on the 21st, to cents."""
    told = {16: "46.99", 17: "48.30", 18: "24.96", 19: "24.91", 20: "24.95", 21: "24.53", 22: "24.54"}
    candles = [of_day(datetime(2003, 2, number, tzinfo=UTC), close) for number, close in told.items()]
    actions = split(day("2003-02-18"), "2"), dividend(day("2003-02-21"), "0.08", "24.96")
    found = [f"{each['close']:.2f}" for each in adjusted(candles, actions)]
    assert found == ["23.42", "24.07", "24.88", "24.83", "24.87", "24.53", "24.54"]


@pytest.mark.parametrize(
    ("amount", "close", "expected"),
    [("0.08", "24.96", "0.9968"), ("2.40", "16.51", "0.8546"), ("1.25", "51.20", "0.9756")],
)
def test_what_is_before_a_dividend_is_multiplied_as_published(amount: str, close: str, expected: str) -> None:
    schedule = Schedule([dividend(day("2003-02-19"), amount, close)])
    assert f"{float(schedule.at(nanoseconds(day('2003-02-18'))).price):.4f}" == expected


def test_a_window_counts_by_its_start() -> None:
    noon = day("2026-01-05") + DAY / 2
    starts = [noon - DAY / 2, noon - timedelta(seconds=1), noon, noon + timedelta(seconds=1)]
    found = closes([of_day(start) for start in starts], split(noon, "2"))
    assert found == ["50", "50", "100", "100"]


def test_a_split_leaves_the_notional_and_a_dividend_takes_its_share_of_it() -> None:
    before, effective = of_day(day("2026-01-02"), "100"), day("2026-01-05")
    (by_split,) = adjusted([before], [split(effective, "4")])
    (by_both,) = adjusted([before], [split(effective, "4"), dividend(effective, "1", "100")])
    assert [by_split[name] for name in ("close", "vwap", "volume", "notional")] == [25, 25, 12, 300]
    assert [by_both[name] for name in ("close", "vwap", "volume", "notional")] == [Decimal("24.75")] * 2 + [12, 297]
    changed = {name for name in before if by_both[name] != before[name]}
    assert changed == {"open", "high", "low", "close", "vwap", "volume", "notional"}


def test_a_ratio_that_no_decimal_says_is_exact() -> None:
    assert closes([of_day(day("2026-01-02"), "1.23")], split(day("2026-01-05"), "1", "15")) == ["18.45"]


def test_a_value_is_rounded_once_half_to_even() -> None:
    units = [Decimal(number).scaleb(-12) for number in (1, 3, 5)]
    candles = [of_day(day("2026-01-02"), f"{each:f}") for each in units]
    assert [each["close"] for each in adjusted(candles, [split(day("2026-01-05"), "2")])] == [
        Decimal(number).scaleb(-12) for number in (0, 2, 2)
    ]
    third = of_day(day("2026-01-02"), notional=Decimal(1), vwap=Decimal("0.333333333333"))
    (found,) = adjusted([third], [split(day("2026-01-05"), "1", "3000000000000")])
    assert found["vwap"] == 10**12  # of the rounded one, it would be 999,999,999,999


def test_what_has_no_price_keeps_none() -> None:
    nothing = dict.fromkeys(("open", "high", "low", "close", "vwap", "notional"))
    (found,) = adjusted([of_day(day("2026-01-02")) | nothing], [split(day("2026-01-05"), "2")])
    assert {found[name] for name in nothing} == {None}
    assert found["volume"] == 6


@pytest.mark.parametrize(("adjustment", "expected"), [("raw", []), ("splits", [1]), ("all", [0, 1])])
def test_what_is_not_effective_yet_is_no_part_of_an_adjustment(adjustment: Any, expected: list[int]) -> None:
    now = day("2026-01-05")
    actions = [dividend(now - DAY, "1", "9"), split(now, "2"), split(now + timedelta(microseconds=1), "3")]
    assert in_effect(actions, adjustment, now) == [actions[number] for number in expected]


def test_a_dividend_without_a_close_before_it_stops_only_what_it_concerns() -> None:
    unknown = dividend(day("2026-01-05"), "1")
    assert closes([of_day(day("2026-01-05"))], unknown) == ["100"]
    assert adjusted([], [unknown]) == []
    with pytest.raises(AdjustmentError, match=r"A: the dividend of 1.*, effective 2026-01-05.* none is stated"):
        adjusted([of_day(day("2026-01-02")), of_day(day("2026-01-05"))], [unknown])


def test_a_dividend_as_large_as_the_close_that_was_found_and_a_value_too_large_are_refused() -> None:
    found = dividend(day("2026-01-05"), "5").model_copy(update={"close_before": Decimal(5)})
    with pytest.raises(AdjustmentError, match="the close before it is 5"):
        adjusted([of_day(day("2026-01-02"))], [found])
    with pytest.raises(AdjustmentError, match="a value too large"):
        adjusted([of_day(day("2026-01-02"), "1e25")], [split(day("2026-01-05"), "1", "1000")])


AMOUNTS = st.decimals("0.01", "1000", places=4)
MOMENTS = st.integers(0, 30)


@st.composite
def _actions(draw: st.DrawFn) -> list[CorporateAction]:
    """Some splits and dividends in a month, in no order."""
    splits = [
        split(EPOCH + DAY * at, f"{draw(AMOUNTS)}", f"{draw(AMOUNTS)}") for at in draw(st.sets(MOMENTS, max_size=5))
    ]
    dividends = [
        dividend(EPOCH + DAY * at, f"{(amount := draw(AMOUNTS))}", f"{amount + draw(AMOUNTS)}")
        for at in draw(st.sets(MOMENTS, max_size=5))
    ]
    return draw(st.permutations(splits + dividends))


@given(_actions(), MOMENTS)
def test_a_price_is_what_an_investor_paid_for_each_share_that_is_held_now(
    actions: list[CorporateAction], bought: int
) -> None:
    """One share bought then; splits multiply the shares, a dividend buys more at the close less the dividend."""
    shares, by_splits = Fraction(1), Fraction(1)
    for action in (each for each in actions if each.effective > EPOCH + DAY * bought):
        if action.type == "split":
            more = Fraction(action.ratio or 0) / Fraction(action.per)
            shares, by_splits = shares * more, by_splits * more
        else:
            amount, close = Fraction(action.amount or 0), Fraction(action.close_before or 0)
            shares += shares * amount / (close - amount)
    assert Schedule(actions).at(nanoseconds(EPOCH + DAY * bought)) == Factors(1 / shares, by_splits)


@given(_actions(), MOMENTS, MOMENTS)
def test_the_factors_of_two_periods_multiply(actions: list[CorporateAction], one: int, other: int) -> None:
    first, second = (EPOCH + DAY * at for at in sorted((one, other)))
    between = [each for each in actions if first < each.effective <= second]
    after = [each for each in actions if each.effective > second]
    start = nanoseconds(first)
    assert Schedule(actions).at(start) == Schedule(between).at(start) * Schedule(after).at(nanoseconds(second))


@given(_actions(), MOMENTS)
def test_price_times_volume_is_that_of_the_trades_whatever_splits_come(actions: list[CorporateAction], at: int) -> None:
    by = Schedule(in_effect(actions, "splits", EPOCH + DAY * 60)).at(nanoseconds(EPOCH + DAY * at))
    assert by.price * by.volume == 1


@given(AMOUNTS, MOMENTS)
def test_without_later_actions_a_candle_is_itself(price: Decimal, at: int) -> None:
    raw = of_day(EPOCH + DAY * at, f"{price}")
    before = [split(EPOCH + DAY * at, "3"), dividend(EPOCH - DAY, "1", "5")]
    assert adjusted([raw], before) == [raw]
