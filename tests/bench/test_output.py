"""What the benchmark makes of a job's output: is it right, and how fast was it written."""

import numpy as np
import pytest

from bench.output import VALUES, Output, compare
from bench.reference import Candles
from bench.tape import SECOND_NS, START_S, Tape, Trades
from bench.timing import Span, second_half, whole

SECONDS = 3


def exact() -> Candles:
    """Symbol 0 trades at 10, 12 and 11 in second 0, symbol 1 at 20 in second 2."""
    times = START_S * SECOND_NS + np.array([1, 2, 3, 2 * SECOND_NS])
    candles = Candles.empty(symbols=2, seconds=SECONDS)
    symbol, price = np.array([0, 0, 0, 1]), np.array([10, 12, 11, 20])
    candles.add(Trades(np.arange(4), symbol, times, times, price, np.array([1, 1, 1, 5])))
    return candles


FIRST = (0, 10, 12, 10, 11, 3, 3)  # window, open, high, low, close, volume, trades
LAST = (1 * SECONDS + 2, 20, 20, 20, 20, 5, 1)


def output(*rows: tuple[int, ...]) -> Output:
    columns = np.array(rows, dtype=np.int64).T
    return Output(columns[0], dict(zip(VALUES, columns[1:], strict=True)), np.zeros(len(rows), dtype=np.int64))


def test_an_output_of_every_window_once_with_the_exact_values_holds() -> None:
    verdict = compare(output(LAST, FIRST), exact())

    assert verdict.holds(*VALUES)
    assert (verdict.windows, verdict.trades) == (2, 4)


def test_a_missing_window_is_found() -> None:
    verdict = compare(output(FIRST), exact())

    assert verdict.missing == 1
    assert not verdict.holds()


def test_a_window_written_twice_is_found() -> None:
    verdict = compare(output(FIRST, LAST, LAST), exact())

    assert verdict.repeated == 1
    assert not verdict.holds()


def test_a_window_without_trades_is_unexpected() -> None:
    verdict = compare(output(FIRST, LAST, (1, 10, 10, 10, 10, 1, 1)), exact())

    assert verdict.unexpected == 1
    assert not verdict.holds()


@pytest.mark.parametrize("place", range(len(VALUES)))
def test_a_wrong_value_is_found_and_matters_only_where_it_was_promised(place: int) -> None:
    altered = list(FIRST)
    altered[1 + place] += 1
    verdict = compare(output(tuple(altered), LAST), exact())

    assert verdict.wrong == {name: int(name == VALUES[place]) for name in VALUES}
    assert not verdict.holds(*VALUES)
    assert verdict.holds(*(name for name in VALUES if name != VALUES[place]))


def test_seconds_that_may_still_be_open_are_not_asked_for() -> None:
    verdict = compare(output(FIRST), exact(), through=1)

    assert verdict.holds(*VALUES)
    assert (verdict.windows, verdict.lost) == (1, 0)


def test_the_share_of_trades_that_is_in_no_candle_is_told() -> None:
    assert compare(output(LAST), exact()).lost == 3 / 4


def test_speed_is_told_by_when_the_candles_were_written() -> None:
    """Candles of second 0 appear at 1.0 s, of 5 at 3.0 s, of 7, the last of ten that counts, at 5.5 s."""
    tape = Tape(10_000, symbols=2, per_second=1_000)
    windows = np.array([0, 5, 7, tape.seconds + 0, tape.seconds + 5, tape.seconds + 7, 10])
    written = Output(windows, {}, np.array([1_000, 3_000, 5_500, 1_200, 3_100, 5_600, 9_000]))

    assert whole(written, tape) == Span(1.0, 5.5, 7_000)
    assert second_half(written, tape) == Span(3.0, 5.5, 2_000)
