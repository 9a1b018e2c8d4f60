"""How fast a job was, told by its own output: the instants at which the broker got its candles.

The candles of a second are written when trades beyond it by the tolerated disorder have been read. So the first candle
of a second says how many trades had been read by then: the same clock for any job, free of start-up, of how it learns
that the input has ended, and of what a metric's polling adds.
"""

from dataclasses import dataclass

from bench.output import Output
from bench.tape import DISORDER_S, Tape

OUT_OF_ORDERNESS_S = 2


@dataclass(frozen=True)
class Span:
    """A stretch of a run: from one instant to another (Unix seconds), and the trades processed between them."""

    since: float
    until: float
    trades: int


def last_closed(tape: Tape) -> int:
    """The last second whose candles are written because later trades have come, not because the input has ended."""
    return tape.trades // tape.per_second - OUT_OF_ORDERNESS_S - DISORDER_S


def whole(output: Output, tape: Tape) -> Span:
    """From the first candle of the first second that has any to the first candle of the last that is closed."""
    return _span(output, tape, int((output.window % tape.seconds).min()))


def second_half(output: Output, tape: Tape) -> Span:
    """The second half of the trades: when a JVM has compiled what is hot."""
    return _span(output, tape, tape.trades // tape.per_second // 2)


def _span(output: Output, tape: Tape, first: int) -> Span:
    last = last_closed(tape)
    second, appended_s = output.window % tape.seconds, output.appended_ms / 1_000
    since, until = (float(appended_s[second == each].min()) for each in (first, last))
    return Span(since, until, (last - first) * tape.per_second)
