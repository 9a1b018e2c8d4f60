"""How good a minute is: from facts to measures."""

from decimal import Decimal
from typing import Any

import pytest

from udfs import quality
from udfs.accumulator import Accumulator, of_trade
from udfs.quality import Minute, Version, judge
from udfs.quality_state import minute_bytes, read_minute, read_second, read_series, second_bytes, series_bytes
from udfs.sequences import Hole, Series

START = 1_700_000_040 * 10**9
UNIT = 10**12
TIMELY_MS = 1_000


def trade(second: int, price: int, size: int = 1) -> Accumulator:
    """A trade in a second of the minute."""
    return of_trade(START + second * 10**9, price * UNIT, size * UNIT, (second, 0)).rolled_up()


def minute(*seconds: tuple[int, int], lags: tuple[int, ...] = (), **facts: Any) -> Minute:
    """A minute with a trade at each (second, price)."""
    trades = {START + second * 10**9: trade(second, price) for second, price in seconds}
    whole = Accumulator.merged(trades.values())
    delays = [*lags, *[None] * (len(trades) - len(lags))]
    versions = {at: Version(0, each, lag) for (at, each), lag in zip(trades.items(), delays, strict=True)}
    return Minute(START, Version(0, whole), versions, **facts)


def judged(given: Minute) -> dict[str, Any]:
    """The record of the minute."""
    return judge("BTC-USD", given, TIMELY_MS)


def test_a_minute_without_fault_scores_one() -> None:
    record = judged(minute((1, 10), (5, 12), lags=(100, 300), received=2))
    measures = ("completeness", "uniqueness", "validity", "timeliness", "consistency", "score")
    assert [record[name] for name in measures] == [1, 1, 1, 1, 1, 1]
    assert (record["trades"], record["missing"], record["accuracy"], record["finding"]) == (2, 0, None, None)
    assert (record["lag_p50_ms"], record["lag_p99_ms"]) == (100, 300)


@pytest.mark.parametrize(
    ("given", "measure", "share"),
    [
        (minute((1, 10), (2, 10), (3, 10), received=3, missing=1), "completeness", 0.75),
        (minute((1, 10), (2, 10), (3, 10), rejected=1), "validity", 0.75),
        (minute((1, 10), (2, 10), (3, 10), (4, 10), flagged=1), "validity", 0.75),
        (minute((1, 10), (2, 10), lags=(1_000, 1_001)), "timeliness", 0.5),
        (minute((1, 10), reference=(*map(Decimal, (10, 10, 10, 11, 1)),)), "accuracy", 0.8),
    ],
)
def test_the_score_is_the_lowest_measure(given: Minute, measure: str, share: float) -> None:
    record = judged(given)
    assert (record[measure], record["score"]) == (share, share)


def test_copies_lower_the_uniqueness() -> None:
    given = minute((1, 10), (2, 10), (3, 10))
    copied = Accumulator.merged([given.seconds[START + 10**9].accumulator, Accumulator(duplicate_count=1)])
    given.seconds[START + 10**9] = Version(0, copied)
    given.candle = Version(0, Accumulator.merged(each.accumulator for each in given.seconds.values()))
    assert judged(given)["uniqueness"] == 0.75
    assert judged(given)["consistency"] == 1


def test_a_minute_that_is_not_the_sum_of_its_seconds_is_inconsistent_and_says_how() -> None:
    given = minute((1, 10), (5, 12))
    given.candle = Version(0, trade(1, 10))
    record = judged(given)
    assert record["consistency"] == 0.75
    assert record["finding"] == (
        "the seconds hold 2 trades open 10 high 12 low 10 close 12 volume 2, "
        "the minute 1 trades open 10 high 10 low 10 close 10 volume 1"
    )


def test_a_candle_with_a_close_above_its_high_is_inconsistent() -> None:
    given = minute((1, 10))
    record = given.seconds[START + 10**9].accumulator.candle("X", "1s", (START, START + 10**9), 0, None)
    shown = record | {"close": Decimal(11), "accumulator": None}
    given.seconds[START + 10**9] = Version(0, Accumulator.of_candle(shown))
    assert "the prices of second 01 are not in order" in str(judged(given)["finding"])


def test_a_minute_that_only_the_reference_has_is_wholly_inaccurate() -> None:
    record = judged(Minute(START, reference=(Decimal(1), Decimal(1), Decimal(1), Decimal(1), Decimal(5))))
    assert (record["accuracy"], record["score"], record["trades"]) == (0, 0, 0)
    assert "volume none, reference 5" in record["finding"]


def test_a_minute_of_which_only_rejects_came_has_no_validity() -> None:
    record = judged(Minute(START, rejected=3))
    assert (record["validity"], record["uniqueness"], record["consistency"], record["score"]) == (0, None, None, 0)


def test_what_is_read_a_day_after_it_happened_is_history_and_not_late() -> None:
    now_ms = START // 10**6 + quality.HISTORY_MS
    assert quality.lag_ms(START, now_ms) == quality.HISTORY_MS
    assert quality.lag_ms(START, now_ms + 1) is None
    assert judged(minute((1, 10)))["timeliness"] is None


@pytest.mark.parametrize(("percent", "value"), [(50, 50), (99, 99), (1, 1), (100, 100)])
def test_quantiles_are_by_nearest_rank(percent: int, value: int) -> None:
    assert quality.quantile(list(range(1, 101)), percent) == value
    assert quality.quantile([], percent) is None


def test_state_survives_its_bytes() -> None:
    given = minute(
        (1, 10), lags=(7,), rejected=1, received=5, missing=2, reference=(Decimal("1.5"), None, None, None, Decimal(0))
    )
    record = judged(given) | {"revision": 3}
    stored, published = read_minute(START, minute_bytes((given, record)))
    stored.seconds = {at: read_second(at, second_bytes(each)) for at, each in given.seconds.items()}
    assert (stored, published) == (given, record)
    series = Series(9, START, [Hole(3, 4, START, START + 1, reported=True)])
    assert read_series("X", series_bytes(series)) == series
