"""Activity bars: another library's answers, known answers, and what holds for any tape."""

import json
from dataclasses import replace
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schemas.topics import BAR_KINDS
from tests.udfs.bar_tape import tape
from udfs.bar_spec import BarSpec, Spans
from udfs.bars import EXACT, Bar, Ewma, Sampler, Sums, bars
from udfs.tick_order import Tick, in_order, same_instant

SPANS = Spans(ticks=10, bars=3)
ANSWERS: dict[str, list[int]] = json.loads(Path(__file__).with_name("mlfinpy_answers.json").read_text())

PRICES = st.sampled_from([Decimal(price) for price in ("9.5", "10", "10.000000000001", "10.5", "11")])
SIZES = st.sampled_from([Decimal(size) for size in ("0.000000000001", "1", "2.5", "7")])
VENUES = st.sampled_from([None, "X", "Y"])
TICKS = st.builds(
    Tick,
    ts_event=st.integers(0, 5).map(lambda half: half * 500_000_000),
    price=PRICES,
    size=SIZES,
    venue=VENUES,
    trade_id=st.none() | st.sampled_from(["1", "2", "3"]),
    sequence=st.none() | st.integers(0, 3),
)
TAPES = st.lists(TICKS, max_size=40).map(
    lambda ticks: [tick._replace(offset=offset) for offset, tick in enumerate(ticks)]
)
SPECS = st.builds(
    lambda kind, size: BarSpec.parse(f"{kind}={size}"), st.sampled_from(BAR_KINDS), st.sampled_from([1, 2, 3, 5])
)


def at(number: int, price: str, size: str = "1") -> Tick:
    """A trade `number` nanoseconds after 1970."""
    return Tick(number, Decimal(price), Decimal(size), offset=number)


def prices(*moves: int) -> list[Tick]:
    """Trades of size 1 whose price moves by these steps, from 100."""
    return [at(number, str(100 + level)) for number, level in enumerate(accumulate(moves))]


def ends(found: list[Bar]) -> list[int]:
    """Trades up to the end of each bar."""
    return list(accumulate(bar.trade_count for bar in found))


@pytest.mark.parametrize("asked", ANSWERS)
def test_bars_end_where_mlfinpy_ends_them(asked: str) -> None:
    spec, *spans = asked.split()
    found, _ = bars(tape(), BarSpec.parse(spec), Spans(*map(int, spans)) if spans else SPANS)
    assert len(found) >= 3
    assert ends(found) == ANSWERS[asked]


def test_a_dollar_bar_says_all_of_its_trades() -> None:
    ticks = [at(0, "10", "2"), at(1, "11", "1"), at(2, "9", "3"), at(3, "9", "1"), at(4, "9.5", "1")]
    (bar,), rest = bars(ticks, BarSpec.parse("dollar=67"), SPANS)
    assert bar == Bar(
        number=0,
        open=Decimal(10),
        high=Decimal(11),
        low=Decimal(9),
        close=Decimal(9),
        volume=Decimal(7),
        vwap=Decimal("9.571428571429"),
        notional=Decimal(67),
        buy_volume=Decimal(1),
        trade_count=4,
        buy_count=1,
        sell_count=2,
        duplicate_count=0,
        first_ts_event=0,
        last_ts_event=3,
        theta=Decimal(67),
        threshold=Decimal(67),
    )
    assert rest.sums.trade_count == 1


def test_an_imbalance_bar_ends_when_its_signed_trades_reach_what_was_expected() -> None:
    # Signs 0 + + - | +. With spans of 10^9 all weigh the same: after 4 trades 4 * |E[b]| = 4 * 0.25 = 1 is reached, and
    # the next bar expects the same: one trade.
    found, _ = bars(prices(0, 1, 1, -1, 1), BarSpec.parse("tick_imbalance=4"), Spans(10**9, 10**9))
    assert [(int(bar.theta), bar.trade_count) for bar in found] == [(1, 4), (1, 1)]
    assert abs(found[1].threshold - 1) < Decimal("1e-6")


def test_a_run_bar_counts_the_side_with_more_whether_or_not_it_is_a_sequence() -> None:
    # 0 + - + -: P = 2/5, so 5 * max(2/5, 3/5) = 3 is expected; then + is the third buy.
    found, _ = bars(prices(0, 1, -1, 1, -1, 1), BarSpec.parse("tick_run=5"), Spans(1, 1))
    (bar,) = found
    assert (bar.theta, bar.threshold) == (Decimal(3), Decimal(3))
    assert bar.trade_count == 6


def test_the_tick_rule_carries_its_sign_over_trades_at_the_same_price_and_from_bar_to_bar() -> None:
    found, _ = bars(prices(0, -1, 0, 0, 0, 1), BarSpec.parse("tick=2"), SPANS)
    assert [(bar.buy_count, bar.sell_count) for bar in found] == [(0, 1), (0, 2), (1, 1)]


def test_without_bounds_a_quiet_stretch_shrinks_bars_to_single_trades_and_bounds_prevent_it() -> None:
    draw = Random(1)
    moves = [draw.choice((1, -1)) for _ in range(2_000)]
    free, _ = bars(prices(*moves), BarSpec.parse("tick_imbalance=20"), Spans(50, 3))
    held, _ = bars(prices(*moves), BarSpec.parse("tick_imbalance=20:20:40"), Spans(50, 3))
    assert [bar.trade_count for bar in free[-100:]] == [1] * 100
    assert len(held) < len(free) / 3


def test_sequences_decide_within_a_venue_and_offsets_elsewhere() -> None:
    x2, y, x1 = (
        Tick(0, Decimal(1), Decimal(1), "X", None, 2, 0),
        Tick(0, Decimal(2), Decimal(1), "Y", None, None, 1),
        Tick(0, Decimal(3), Decimal(1), "X", None, 1, 2),
    )
    assert list(same_instant([x2, y, x1])) == [y, x1, x2]


def test_a_copy_is_known_by_its_id_within_a_second_and_counted() -> None:
    first = Tick(999, Decimal(1), Decimal(1), "X", "7", offset=0)
    copy, other_venue = first._replace(ts_event=10**9 - 1, offset=3), first._replace(venue="Y", offset=1)
    next_second, nameless = first._replace(ts_event=10**9, offset=2), first._replace(trade_id=None, offset=4)
    ticks = [copy, nameless, nameless, other_venue, first, next_second]
    assert [tick for tick, is_copy in in_order(ticks) if is_copy] == [copy]
    _, rest = bars(ticks, BarSpec.parse("tick=100"), SPANS)
    assert (rest.sums.trade_count, rest.sums.duplicate_count) == (5, 1)


def counted(found: list[Bar], rest: Sampler) -> tuple[int, int, Decimal, Decimal]:
    """Trades, copies, volume and notional of all bars and the open one."""
    each: list[Bar | Sums] = [*found, rest.sums]
    return (
        sum(bar.trade_count for bar in each),
        sum(bar.duplicate_count for bar in each),
        sum((bar.volume for bar in each), Decimal(0)),
        sum((bar.notional for bar in each), Decimal(0)),
    )


@given(TAPES, SPECS)
def test_every_trade_is_in_exactly_one_bar_or_the_open_one(ticks: list[Tick], spec: BarSpec) -> None:
    kept = [tick for tick, is_copy in in_order(ticks) if not is_copy]
    assert counted(*bars(ticks, spec, SPANS)) == (
        len(kept),
        len(ticks) - len(kept),
        sum((tick.size for tick in kept), Decimal(0)),
        sum((tick.size * tick.price for tick in kept), Decimal(0)),
    )


@given(TAPES, SPECS, st.randoms())
def test_the_order_of_arrival_does_not_matter(ticks: list[Tick], spec: BarSpec, draw: Random) -> None:
    arrived = ticks[:]
    draw.shuffle(arrived)
    assert bars(arrived, spec, SPANS)[0] == bars(ticks, spec, SPANS)[0]


@given(TAPES, SPECS)
def test_bars_are_numbered_follow_each_other_and_reach_their_threshold(ticks: list[Tick], spec: BarSpec) -> None:
    found, rest = bars(ticks, spec, SPANS)
    assert [bar.number for bar in found] == list(range(len(found)))
    assert all(bar.theta >= bar.threshold >= 0 for bar in found)
    assert all(bar.low <= bar.open <= bar.high and bar.low <= bar.close <= bar.high for bar in found)
    times = [time for bar in found for time in (bar.first_ts_event, bar.last_ts_event)]
    assert times == sorted(times)
    assert rest.threshold is None or not rest.sums.trade_count or rest.theta() < rest.threshold


@given(TAPES, st.sampled_from(["tick", "volume", "dollar"]), st.sampled_from([1, 3, 10]))
def test_a_standard_bar_would_not_have_reached_its_size_one_trade_earlier(
    ticks: list[Tick], kind: str, size: int
) -> None:
    found, _ = bars(ticks, BarSpec.parse(f"{kind}={size}"), SPANS)
    assume(found)
    kept = iter([tick for tick, is_copy in in_order(ticks) if not is_copy])
    for bar in found:
        *_, last = (next(kept) for _ in range(bar.trade_count))
        activity = {"tick": Decimal(1), "volume": last.size, "dollar": last.size * last.price}[kind]
        assert bar.theta - activity < size <= bar.theta


@given(st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=50), st.integers(1, 100))
def test_a_mean_is_the_weighted_one_to_16_places(values: list[int], span: int) -> None:
    ewma = Ewma(span)
    with localcontext(EXACT):
        for value in values:
            ewma.add(value)
    weights = [(1 - Fraction(2, span + 1)) ** age for age in reversed(range(len(values)))]
    exact = sum((w * value for w, value in zip(weights, values, strict=True)), Fraction(0)) / sum(weights, Fraction(0))
    assert abs(Fraction(ewma.mean()) - exact) < Fraction(1, 10**16)


def test_a_spec_says_kind_size_and_bounds() -> None:
    assert BarSpec.parse("volume=2.5") == BarSpec("volume", Decimal("2.5"))
    bounded = BarSpec.parse("dollar_run=100:50:200")
    assert bounded == replace(BarSpec("dollar_run", Decimal(100)), trades_min=Decimal(50), trades_max=Decimal(200))
    assert (bounded.unit, bounded.rule) == ("dollar", "run")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "renko=5",
            "'renko=5' is no bar: give kind and size, such as tick=1000; kinds: tick, volume, dollar, tick_imbalance",
        ),
        ("tick", "'tick': '' is no exact number"),
        ("tick=0", "'tick=0': a size must be above 0"),
        ("tick=1.5", "'tick=1.5': trades are counted in whole numbers"),
        ("volume=1:1:2", "'volume=1:1:2': give volume=size"),
        ("tick_run=5:6", "'tick_run=5:6': give tick_run=size, or tick_run=size:least:most"),
        ("tick_run=5:6:7", "'tick_run=5:6:7': the size must lie between the bounds"),
    ],
)
def test_what_is_no_spec_is_told_what_is(text: str, said: str) -> None:
    with pytest.raises(ValueError, match="^" + said):
        BarSpec.parse(text)
