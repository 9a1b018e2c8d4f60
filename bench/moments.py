"""A moving average and variance of closes, and what is far from them: what a step in Python is measured with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

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


@dataclass
class MomentsOfMany:
    """Of many symbols: the same as Moments has of one, each an array in the order of `symbols`."""

    symbols: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    average: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    variance: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    bars: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def judge(self, symbols: Sequence[int], closes: Sequence[float]) -> tuple[list[float], list[float], list[int]]:
        """As `judged`, of a bar of each of these symbols: averages, deviations, and which are anomalies, from 1."""
        at, close = self._places(np.asarray(symbols)), np.asarray(closes)
        known, variance = self.bars[at] > 0, self.variance[at]
        average = np.where(known, self.average[at], close)
        difference = close - average
        deviation = np.divide(difference, np.sqrt(variance), out=np.zeros_like(close), where=variance > 0)
        anomaly = (self.bars[at] >= WARM_BARS) & (np.abs(deviation) > FAR)
        step = WEIGHT * difference
        self.average[at], self.variance[at] = average + step, (1 - WEIGHT) * (variance + difference * step)
        self.bars[at] += 1
        return self.average[at].tolist(), deviation.tolist(), (np.flatnonzero(anomaly) + 1).tolist()

    def _places(self, symbols: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
        """Where the symbols are; new ones get a place."""
        new = np.setdiff1d(symbols, self.symbols)
        if new.size:
            places = np.searchsorted(self.symbols, new)
            for name in ("symbols", "average", "variance", "bars"):
                setattr(self, name, np.insert(getattr(self, name), places, new if name == "symbols" else 0))
        return np.searchsorted(self.symbols, symbols)


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
