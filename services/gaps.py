"""Gap filling, for readers that want a candle in every window: jobs publish none for a window without a trade."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any

Candle = Mapping[str, Any]
"""A candle record as in schemas/candle.avsc; other fields are taken along as they are, and are None in a flat one."""


def filled(candles: Iterable[Candle], start: int | None = None, end: int | None = None) -> Iterator[Candle]:
    """The candles, and a flat one for every window without: at the close before it, volume 0, no trade.

    The candles are of one resolution, one a window, sorted by symbol and window_start. A symbol is filled from its
    first to its last candle; `start` and `end` (nanoseconds since the Unix epoch, UTC, at the edge of a window) name
    another period [start, end). A candle before `start` is not given, but its close holds in the windows after it;
    before a symbol's first candle there is no price to be flat at, and no candle. Nothing is held but one candle.
    """
    for _, of_symbol in groupby(candles, key=itemgetter("symbol")):
        for candle in _without_gaps(of_symbol, end):
            if (start is None or candle["window_start"] >= start) and (end is None or candle["window_start"] < end):
                yield candle


def _without_gaps(candles: Iterator[Candle], end: int | None) -> Iterator[Candle]:
    latest = next(candles)
    close = latest["close"]
    yield latest
    for candle in candles:
        yield from _flat(latest, close, candle["window_start"])
        yield candle
        latest = candle
        close = candle["close"] if candle["close"] is not None else close
    if end is not None:
        yield from _flat(latest, close, end)


def _flat(latest: Candle, close: Decimal | None, end: int) -> Iterator[Candle]:
    """The windows from the latest candle to `end`."""
    length = latest["window_end"] - latest["window_start"]
    for start in range(latest["window_end"], end, length):
        yield dict.fromkeys(latest) | {
            "symbol": latest["symbol"],
            "resolution": latest["resolution"],
            "window_start": start,
            "window_end": start + length,
            **dict.fromkeys(("open", "high", "low", "close"), close),
            "volume": Decimal(0),
            "notional": Decimal(0),
            "trade_count": 0,
            "duplicate_count": 0,
            "complete": True,
            "revision": 0,
        }
