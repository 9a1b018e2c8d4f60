"""What Python is measured with does what it says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.moments import SPIKE_EVERY, WEIGHT, Judgement, Moments, MomentsOfMany, anomalies, judged


def last(closes: list[float]) -> Judgement:
    moments = Moments()
    for close in closes:
        judgement = judged(moments, close)
        moments = judgement.after
    return judgement


@given(st.lists(st.floats(1, 1_000), min_size=1, max_size=50))
def test_the_moments_are_sums_in_which_a_bar_weighs_a_tenth_less_with_each_that_follows(closes: list[float]) -> None:
    weights = [(1 - WEIGHT) ** (len(closes) - 1 - place) * (WEIGHT if place else 1) for place in range(len(closes))]
    average = sum(weight * close for weight, close in zip(weights, closes, strict=True))
    variance = sum(weight * (close - average) ** 2 for weight, close in zip(weights, closes, strict=True))
    assert last(closes).after.average == pytest.approx(average)
    assert last(closes).after.variance == pytest.approx(variance, abs=1e-6)


@given(st.lists(st.dictionaries(st.integers(0, 5), st.floats(1, 1_000), min_size=1), max_size=40))
def test_many_bars_together_are_judged_as_one_by_one(ends: list[dict[int, float]]) -> None:
    one_by_one, together = dict.fromkeys(range(6), Moments()), MomentsOfMany()
    for closes in ends:
        judgements = {symbol: judged(one_by_one[symbol], close) for symbol, close in closes.items()}
        one_by_one |= {symbol: judgement.after for symbol, judgement in judgements.items()}
        averages, deviations, far = together.judge(list(closes), list(closes.values()))
        assert averages == [judgement.average for judgement in judgements.values()]
        assert deviations == pytest.approx([judgement.deviation for judgement in judgements.values()])
        assert far == [place for place, judgement in enumerate(judgements.values(), 1) if judgement.anomaly]


def test_a_bar_far_from_those_before_it_is_an_anomaly_once_there_are_some() -> None:
    calm = [100.0, 101.0] * 15
    assert not last(calm).anomaly
    assert last([*calm, 120.0]).anomaly
    assert not last([*calm[:5], 120.0]).anomaly


def test_every_spike_of_the_bars_that_are_measured_is_found_and_nothing_else() -> None:
    assert [number * 10 + symbol for symbol, number, _ in anomalies(3 * SPIKE_EVERY, 10)] == [
        SPIKE_EVERY,
        2 * SPIKE_EVERY,
    ]
