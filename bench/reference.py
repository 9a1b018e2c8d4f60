"""The exact candles of a tape, computed while it is made; shares nothing with the jobs."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from bench.tape import SECOND_NS, START_S, Longs, Trades

NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Candles:
    """1s candles: element `symbol * seconds + second` of every column; unscaled values, `trades` 0 if empty."""

    seconds: int
    open: Longs
    high: Longs
    low: Longs
    close: Longs
    volume: Longs
    trades: Longs
    first_ts: Longs
    last_ts: Longs

    @classmethod
    def empty(cls, symbols: int, seconds: int) -> Self:
        """No trade in any window."""
        windows = symbols * seconds
        nothing = {field.name: np.zeros(windows, dtype=np.int64) for field in fields(cls) if field.name != "seconds"}
        extremes = {"low": np.full(windows, NEVER), "first_ts": np.full(windows, NEVER)}
        return cls(seconds=seconds, **{**nothing, **extremes})

    def add(self, trades: Trades) -> None:
        """Count trades in. They come in the order of offsets, which decides between equal times."""
        window = trades.symbol * self.seconds + trades.ts_event // SECOND_NS - START_S
        order = np.lexsort((trades.ts_event, window))  # stable
        window, ts, price, size = window[order], trades.ts_event[order], trades.price[order], trades.size[order]
        heads = np.flatnonzero(np.diff(window, prepend=-1))
        tails = np.append(heads[1:], len(window)) - 1
        touched = window[heads]
        self.high[touched] = np.maximum(self.high[touched], np.maximum.reduceat(price, heads))
        self.low[touched] = np.minimum(self.low[touched], np.minimum.reduceat(price, heads))
        self.volume[touched] += np.add.reduceat(size, heads)
        self.trades[touched] += tails - heads + 1
        earlier = heads[ts[heads] < self.first_ts[touched]]
        self.open[window[earlier]], self.first_ts[window[earlier]] = price[earlier], ts[earlier]
        later = tails[ts[tails] >= self.last_ts[touched]]
        self.close[window[later]], self.last_ts[window[later]] = price[later], ts[later]

    def take(self, other: Self) -> None:
        """Take over the candles of another partition, which has other symbols."""
        traded = other.trades > 0
        for field in fields(self):
            if field.name != "seconds":
                getattr(self, field.name)[traded] = getattr(other, field.name)[traded]
