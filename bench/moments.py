"""A moving average and variance of closes, and what is far from them: what a step in Python is measured with."""

from collections.abc import Iterator
from typing import NamedTuple

WEIGHT = 0.1
"""Of a bar in the moving average and variance."""
FAR = 6.0
"""Deviations from the average that make a bar an anomaly."""
WARM_BARS = 20
SPIKE_EVERY = 100_003
CLOSE = f"100000 + MOD(n * 7919, 1009) + CASE WHEN MOD(n, {SPIKE_EVERY}) = 0 THEN 100000 ELSE 0 END"
"""The close of the bar of a number, in SQL; `close` says the same."""


class Moments(NamedTuple):
    """Of a symbol's bars so far: a moving average and variance, and how many there were."""

    average: float = 0.0
    variance: float = 0.0
    bars: int = 0


class Judgement(NamedTuple):
    """What is told of a bar: indicators, which are statistics and no money, and whether it is an anomaly."""

    average: float
    deviation: float
    anomaly: bool
    after: Moments


def judged(before: Moments, close: float) -> Judgement:
    """A bar beside those before it. Moving moments: T. Finch, Incremental calculation of weighted mean and variance."""
    if before.bars == 0:
        return Judgement(close, 0.0, False, Moments(close, 0.0, 1))
    difference = close - before.average
    deviation = difference / before.variance**0.5 if before.variance > 0 else 0.0
    step = WEIGHT * difference
    after = Moments(before.average + step, (1 - WEIGHT) * (before.variance + difference * step), before.bars + 1)
    return Judgement(after.average, deviation, before.bars >= WARM_BARS and abs(deviation) > FAR, after)


def close(number: int) -> float:
    """The close of the bar of a number, over all symbols."""
    return 100_000.0 + number * 7919 % 1009 + (100_000 if number % SPIKE_EVERY == 0 else 0)


def anomalies(bars: int, symbols: int) -> Iterator[tuple[int, int, float]]:
    """(symbol, number, average) of those that the job is to find."""
    moments = [Moments()] * symbols
    for number in range(bars):
        judgement = judged(moments[number % symbols], close(number))
        moments[number % symbols] = judgement.after
        if judgement.anomaly:
            yield number % symbols, number // symbols, judgement.average
