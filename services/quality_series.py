"""Minutes over time as arrays, for pictures: a bin is a minute, or as many as keep the picture readable."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.models import Quality

BINS_MAX = 120
MINUTE_NS = 60 * 10**9
DAY_MINUTES = 24 * 60
STEPS_MINUTES = (1, 2, 3, 5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 720, DAY_MINUTES)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Bins:
    """`count` bins of `minutes` minutes each, from `start` on (nanoseconds, UTC)."""

    start: int
    minutes: int
    count: int

    @property
    def edges_days(self) -> Floats:
        """Start of every bin, and the end of the last, in days since the Unix epoch as matplotlib counts time."""
        starts = self.start // MINUTE_NS + np.arange(self.count + 1) * self.minutes
        return starts / DAY_MINUTES

    def of(self, window_start: int) -> int:
        """Number of the bin that a minute is in."""
        return (window_start - self.start) // (self.minutes * MINUTE_NS)


def bins(start: int, end: int) -> Bins:
    """The shortest even bins that cover [start, end) and are no more than BINS_MAX."""
    days = (end - start) // (DAY_MINUTES * MINUTE_NS)
    for minutes in (*STEPS_MINUTES, *range(2 * DAY_MINUTES, (days + 2) * DAY_MINUTES, DAY_MINUTES)):
        length = minutes * MINUTE_NS
        first, last = start // length, -(-end // length)
        if last - first <= BINS_MAX:
            break
    return Bins(first * length, minutes, last - first)


def scores(minutes: Iterable[Quality], symbols: Sequence[str], over: Bins) -> Floats:
    """The lowest score of every symbol (row) and bin (column), NaN where none is known."""
    rows = {symbol: row for row, symbol in enumerate(symbols)}
    lowest = np.full((len(symbols), over.count), np.nan)
    for minute in minutes:
        if minute.symbol in rows and minute.score is not None:
            cell = rows[minute.symbol], over.of(minute.window_start)
            lowest[cell] = np.fmin(lowest[cell], minute.score)
    return lowest


def measure(minutes: Iterable[Quality], name: str, over: Bins) -> tuple[Floats, Floats]:
    """The lowest share of a measure in every bin, and its mean; NaN where it is not known."""
    found = _by_bin(minutes, name, over)
    return _each(found, over, np.min), _each(found, over, np.mean)


def lags(minutes: Iterable[Quality], over: Bins) -> tuple[Floats, Floats]:
    """Milliseconds, in every bin: median of the minutes' medians, and the worst 99th percentile; NaN where unknown."""
    kept = list(minutes)
    middle, worst = _by_bin(kept, "lag_p50_ms", over), _by_bin(kept, "lag_p99_ms", over)
    return _each(middle, over, np.median), _each(worst, over, np.max)


def _by_bin(minutes: Iterable[Quality], name: str, over: Bins) -> dict[int, list[float]]:
    found: dict[int, list[float]] = defaultdict(list)
    for minute in minutes:
        value = getattr(minute, name)
        if value is not None:
            found[over.of(minute.window_start)].append(value)
    return found


def _each(found: dict[int, list[float]], over: Bins, of: Callable[[list[float]], Any]) -> Floats:
    line = np.full(over.count, np.nan)
    for bin_, values in found.items():
        line[bin_] = of(values)
    return line
