"""How fast a job was, told by its own output: the instants at which the broker got its candles.

The candles of a second are written when trades beyond it by the tolerated disorder have been read. So the first candle
of a second says how many trades had been read by then, and the last candle of all that every trade had been processed:
the same clock for any job, free of start-up and of what a metric's polling adds.
"""

from dataclasses import dataclass

from bench.output import Output
from bench.tape import DISORDER_S, TRADES_PER_SECOND

OUT_OF_ORDERNESS_S = 2


@dataclass(frozen=True)
class Span:
    """A stretch of a run: from one instant to another (Unix seconds), and the trades processed between them."""

    since: float
    until: float
    trades: int


def whole(output: Output, trades: int, seconds: int) -> Span:
    """From the first candle to the last."""
    return _span(output, trades, seconds, 0)


def second_half(output: Output, trades: int, seconds: int) -> Span:
    """The second half of the trades: when the JVM has compiled what is hot."""
    return _span(output, trades, seconds, trades // TRADES_PER_SECOND // 2)


def _span(output: Output, trades: int, seconds: int, first: int) -> Span:
    appended_s = output.appended_ms / 1_000
    since = appended_s[output.window % seconds == first].min()
    read_before = (first + 1 + OUT_OF_ORDERNESS_S - DISORDER_S) * TRADES_PER_SECOND
    return Span(float(since), float(appended_s.max()), trades - read_before)
