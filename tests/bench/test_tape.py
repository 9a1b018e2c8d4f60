"""The tape is what the benchmark says it is, and its reference candles are those of a plain recomputation."""

from collections import defaultdict
from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.reference import Candles
from bench.tape import (
    DISORDER_S,
    PARTITIONS,
    SECOND_NS,
    START_S,
    TICK,
    PartitionTape,
    Tape,
    Trades,
    symbol_names,
)
from services.oracle import Tick, candle
from udfs.partitioner import partition_of


def columns(rows: list[tuple[int, int, int, int]]) -> Trades:
    """Trades of (symbol, nanoseconds since the start of the tape, price, size)."""
    symbol, ts_event, price, size = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    times = START_S * SECOND_NS + ts_event
    return Trades(np.arange(len(rows)), symbol, times, times, price, size)


def test_partitions_share_out_all_trades_by_murmur2() -> None:
    names = symbol_names(50)
    tapes = [PartitionTape(partition, Tape(trades=1_001, symbols=50)) for partition in range(PARTITIONS)]

    assert sum(tape.trades for tape in tapes) == 1_001
    assert sorted(symbol for tape in tapes for symbol in tape.symbols) == list(range(50))
    for tape in tapes:
        assert all(partition_of(names[symbol], PARTITIONS) == tape.partition for symbol in tape.symbols)


def test_trades_arrive_in_order_and_happened_up_to_a_second_before() -> None:
    tape = PartitionTape(0, Tape(trades=250_000, symbols=50))
    chunks = list(tape.chunks())
    behind = np.concatenate([chunk.ts_recv - chunk.ts_event for chunk in chunks])

    assert np.all(np.diff(np.concatenate([chunk.ts_recv for chunk in chunks])) > 0)
    assert behind.min() >= 0
    assert 0.9 * DISORDER_S * SECOND_NS < behind.max() < DISORDER_S * SECOND_NS


def test_each_symbol_walks_by_at_most_two_ticks_across_chunks() -> None:
    chunks = list(PartitionTape(0, Tape(trades=250_000, symbols=50)).chunks())
    symbol = np.concatenate([chunk.symbol for chunk in chunks])
    price = np.concatenate([chunk.price for chunk in chunks])

    assert len(chunks) > 1
    for one in np.unique(symbol):
        steps = np.diff(price[symbol == one])
        assert np.abs(steps).max() == 2 * TICK


trade = st.tuples(st.integers(0, 2), st.integers(0, 3 * SECOND_NS - 1), st.integers(1, 9), st.integers(1, 9))
crowded = st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(1, 9), st.integers(1, 9))  # equal times


@settings(deadline=None)
@given(st.lists(st.lists(trade | crowded, min_size=1, max_size=20), min_size=1, max_size=4))
def test_reference_candles_equal_those_of_the_oracle(chunks: list[list[tuple[int, int, int, int]]]) -> None:
    candles = Candles.empty(symbols=3, seconds=3)
    ticks: dict[int, list[Tick]] = defaultdict(list)
    for chunk in chunks:
        candles.add(columns(chunk))
        for symbol, ts, price, size in chunk:
            ticks[symbol * 3 + ts // SECOND_NS].append(
                Tick(ts, "XNAS", None, len(ticks[symbol * 3 + ts // SECOND_NS]), Decimal(price), Decimal(size))
            )

    assert set(np.flatnonzero(candles.trades)) == set(ticks)
    for window, its_ticks in ticks.items():
        expected = candle(its_ticks, duplicates=0, window_end=0)
        assert candles.open[window] == expected.open
        assert candles.high[window] == expected.high
        assert candles.low[window] == expected.low
        assert candles.close[window] == expected.close
        assert candles.volume[window] == expected.volume
        assert candles.trades[window] == expected.trade_count


def test_a_partition_takes_over_the_candles_of_another() -> None:
    left, right = Candles.empty(2, 1), Candles.empty(2, 1)
    left.add(columns([(0, 5, 100, 1)]))
    right.add(columns([(1, 7, 200, 2)]))

    left.take(right)

    assert left.open.tolist() == [100, 200]
    assert left.trades.tolist() == [1, 1]


def test_a_tape_touches_no_second_beyond_those_announced() -> None:
    for trades in (1, 99_999, 100_000, 100_001):
        last = max(
            int(chunk.ts_event.max()) // SECOND_NS - START_S
            for partition in range(PARTITIONS)
            for chunk in PartitionTape(partition, Tape(trades, symbols=50)).chunks()
        )
        assert last < Tape(trades, symbols=50).seconds
