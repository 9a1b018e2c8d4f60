"""The benchmark's tape: random walks of many symbols at one venue, in order of arrival, up to a second out of order.

It is made a column at a time and is the same every time. All values lie where their Avro form has one length (see
bench/encoder.py).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from udfs.partitioner import partition_of

Longs = NDArray[np.int64]

PARTITIONS = 2
SECOND_NS = 1_000_000_000
START_S = 1_760_000_040
DISORDER_S = 1
"""A trade happened at most so long before it arrived; the first arrives so long after START_S."""
CHUNK = 100_000
UNIT = 10**12
"""1 at the scale of prices and sizes."""
TICK = UNIT // 100
LOWEST_START, HIGHEST_START = 200 * UNIT, 5_000 * UNIT


@dataclass(frozen=True)
class Tape:
    """What a tape is: how many trades of how many symbols, so many a second of event time over all symbols.

    A trade comes less than `disorder_s` after it happened; its id has so many digits.
    """

    trades: int
    symbols: int
    per_second: int = 100_000
    disorder_s: float = 1
    id_digits: int = 12

    @property
    def seconds(self) -> int:
        """How many seconds of event time it can touch."""
        return -(-self.trades // self.per_second) + 2 * DISORDER_S


@dataclass(frozen=True)
class Trades:
    """Some trades of a partition, a column a field; prices and sizes unscaled (12 decimals), times in nanoseconds."""

    number: Longs
    symbol: Longs
    ts_event: Longs
    ts_recv: Longs
    price: Longs
    size: Longs

    def __len__(self) -> int:
        return len(self.number)


def symbol_names(count: int) -> list[str]:
    """The symbols of a tape; they are known by their place in this list."""
    digits = max(4, len(str(count - 1)))
    return [f"SYM{number:0{digits}}" for number in range(count)]


class PartitionTape:
    """The trades of one partition: those of the symbols that murmur2 puts there."""

    def __init__(self, partition: int, tape: Tape) -> None:
        self.partition = partition
        self.symbols = _symbols_of(partition, tape.symbols)
        before = sum(len(_symbols_of(earlier, tape.symbols)) for earlier in range(partition))
        through = before + len(self.symbols)
        self.trades = tape.trades * through // tape.symbols - tape.trades * before // tape.symbols
        self._disorder_ns = tape.disorder_s * SECOND_NS
        self._interval_ns = SECOND_NS / tape.per_second * tape.symbols / max(len(self.symbols), 1)
        self._random = np.random.default_rng(partition)
        self._last_price = self._random.integers(LOWEST_START, HIGHEST_START, len(self.symbols)) // TICK * TICK

    def chunks(self) -> Iterator[Trades]:
        """The trades in the order of their offsets."""
        for start in range(0, self.trades, CHUNK):
            yield self._chunk(np.arange(start, min(start + CHUNK, self.trades), dtype=np.int64))

    def _chunk(self, number: Longs) -> Trades:
        random, count = self._random, len(number)
        place = random.integers(0, len(self.symbols), count, dtype=np.int64)
        ts_recv = (START_S + DISORDER_S) * SECOND_NS + (number * self._interval_ns).astype(np.int64)
        behind = random.random(count) * random.random(count) * self._disorder_ns
        return Trades(
            number=number,
            symbol=np.asarray(self.symbols, dtype=np.int64)[place],
            ts_event=ts_recv - behind.astype(np.int64),
            ts_recv=ts_recv,
            price=self._walk(place, random.integers(-2, 3, count) * TICK),
            size=random.integers(100, 10_001, count) * TICK,
        )

    def _walk(self, place: Longs, step: Longs) -> Longs:
        """The price of each trade: the symbol's price before it, and a step."""
        order = np.argsort(place, kind="stable")
        total = np.cumsum(step[order])
        ends = np.searchsorted(place[order], np.arange(len(self.symbols)), side="right")
        through = np.where(ends > 0, total[ends - 1], 0)  # the steps of all symbols up to this one
        before = np.concatenate(([0], through[:-1]))
        price = np.empty_like(step)
        price[order] = self._last_price[place[order]] + total - before[place[order]]
        self._last_price = self._last_price + through - before
        return price


def _symbols_of(partition: int, symbols: int) -> Sequence[int]:
    names = symbol_names(symbols)
    return [number for number, name in enumerate(names) if partition_of(name, PARTITIONS) == partition]
