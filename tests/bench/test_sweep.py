"""A sweep changes one thing at a time."""

from dataclasses import replace

import pytest

from bench.sweep import PER_CANDLE, SWEEPS
from bench.tape import DISORDER_S, Tape
from bench.timing import last_closed
from jobs.settings import Settings

TRADES = 20_000_000


@pytest.mark.parametrize("name", SWEEPS)
def test_points_of_a_sweep_have_names_of_their_own_and_windows_that_close(name: str) -> None:
    points = list(SWEEPS[name](TRADES))

    assert len({point.label for point in points}) == len(points) > 1
    for point in points:
        assert last_closed(point.tape) > point.tape.trades // point.tape.per_second // 2
        assert point.tape.disorder_s <= DISORDER_S
        Settings.load(dict(point.settings))


def test_a_candle_has_as_many_trades_however_many_symbols_there_are() -> None:
    for point in SWEEPS["symbols"](TRADES):
        assert point.tape == Tape(TRADES, point.tape.symbols, per_second=PER_CANDLE * point.tape.symbols)


def test_tapes_that_are_alike_are_one() -> None:
    for name in ("parallelism", "checkpoints", "backend"):
        assert len({point.tape for point in SWEEPS[name](TRADES)}) == 1
    assert replace(Tape(TRADES, 500), id_digits=100) != Tape(TRADES, 500)
