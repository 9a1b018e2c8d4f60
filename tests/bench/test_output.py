"""What the benchmark makes of a job's output: is it right, and how fast was it written."""

import numpy as np
import pytest

from bench.output import VALUES, Output, compare
from bench.reference import Candles
from bench.tape import SECOND_NS, START_S, TRADES_PER_SECOND, Trades
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


def test_speed_is_told_by_when_the_candles_were_written() -> None:
    """Ten seconds of tape: the candles of second 0 appear at 1.0 s, those of second 5 at 3.0 s, the last at 5.5 s."""
    trades, seconds = 10 * TRADES_PER_SECOND, 12
    windows = np.array([0, 5, seconds + 0, seconds + 5, 10])
    written = Output(windows, {}, np.array([1_000, 3_000, 1_200, 3_100, 5_500]))

    assert whole(written, trades, seconds) == Span(1.0, 5.5, 8 * TRADES_PER_SECOND)
    assert second_half(written, trades, seconds) == Span(3.0, 5.5, 3 * TRADES_PER_SECOND)
