"""The independent check: every candle of a tape, recomputed in plain Python decimals.

It shares no code with the jobs. A candle is computed from the list of its trades, never merged from
smaller candles, so that a wrong merge cannot hide in it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact, InvalidOperation, localcontext
from fractions import Fraction
from typing import NamedTuple

from services.records import TradeRecord

SECOND_NS = 1_000_000_000
RESOLUTIONS_NS = {
    "1s": SECOND_NS,
    "1m": 60 * SECOND_NS,
    "5m": 300 * SECOND_NS,
    "15m": 900 * SECOND_NS,
    "1h": 3_600 * SECOND_NS,
    "1d": 86_400 * SECOND_NS,
}
NOTIONAL_BOUND = Decimal(10) ** 14
"""The first notional that decimal(38,24) does not hold; such a candle has none."""

_EXACT = Context(prec=100, traps=[Inexact, InvalidOperation])


class CandleKey(NamedTuple):
    """What identifies a candle; `window_start` in nanoseconds since the epoch, UTC."""

    symbol: str
    resolution: str
    window_start: int


class ExpectedCandle(NamedTuple):
    """What a candle must say, under the names of schemas/candle.avsc."""

    window_end: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    notional: Decimal | None
    vwap: Decimal
    trade_count: int
    duplicate_count: int
    first_ts_event: int
    last_ts_event: int


class Tick(NamedTuple):
    """A trade that counts. `offset` is its place on the tape."""

    ts_event: int
    venue: str | None
    sequence: int | None
    offset: int
    price: Decimal
    size: Decimal


@dataclass
class Expected:
    """What a tape must lead to: the candles, and the messages that are in none of them."""

    candles: dict[CandleKey, ExpectedCandle] = field(default_factory=dict)
    rejected: int = 0
    changes: int = 0
    """Cancels and corrections."""
    unknown: int = 0
    """Those of them whose original is not on the tape."""
    trades: int = 0
    """Messages on the tape, of every kind."""


def expected_candles(tape: Iterable[TradeRecord], resolutions: Iterable[str] = RESOLUTIONS_NS) -> Expected:
    """Every candle of every resolution. The tape is in the order of offsets (or rows), at any times."""
    expected = Expected()
    seconds = _seconds(tape, expected)
    with localcontext(_EXACT):
        for resolution in resolutions:
            for key, (ticks, duplicates) in _windows(seconds, resolution).items():
                expected.candles[key] = candle(ticks, duplicates, key.window_start + RESOLUTIONS_NS[resolution])
    return expected


@dataclass
class _Second:
    """The trades of one symbol in one second, each once; a busted one is None."""

    ticks: list[Tick | None] = field(default_factory=list)
    ids: dict[tuple[str | None, str], int] = field(default_factory=dict)
    """Where the trade of an id is among the ticks."""
    duplicates: int = 0


def _seconds(tape: Iterable[TradeRecord], expected: Expected) -> dict[tuple[str, int], _Second]:
    seconds: dict[tuple[str, int], _Second] = defaultdict(_Second)
    changes = []
    for offset, trade in enumerate(tape):
        expected.trades += 1
        if trade["action"] != "new":
            changes.append(trade)
        elif trade["size"] <= 0 or trade["price"] <= 0:
            expected.rejected += 1
        else:
            _count_once(seconds[trade["symbol"], _second(trade["ts_event"])], trade, offset)
    expected.changes = len(changes)
    for change in changes:  # a message may come before the trade it changes
        _change(seconds[change["symbol"], _second(change["original_ts_event"] or 0)], change, expected)
    return seconds


def _second(ts_event: int) -> int:
    return ts_event - ts_event % SECOND_NS


def _count_once(second: _Second, trade: TradeRecord, offset: int) -> None:
    trade_id = trade["trade_id"]
    if trade_id is not None:
        identity = (trade["venue"], trade_id)
        if identity in second.ids:
            second.duplicates += 1
            return
        second.ids[identity] = len(second.ticks)
    second.ticks.append(
        Tick(trade["ts_event"], trade["venue"], trade["sequence"], offset, trade["price"], trade["size"])
    )


def _change(second: _Second, change: TradeRecord, expected: Expected) -> None:
    """Take a busted trade out, or give it its corrected price and size; its place in the order stays."""
    at = second.ids.get((change["venue"], change["original_trade_id"] or ""))
    if at is None:
        expected.unknown += 1
        return
    tick = second.ticks[at]
    if change["action"] == "cancel":
        second.ticks[at] = None
    elif tick is not None:
        second.ticks[at] = tick._replace(price=change["price"], size=change["size"])
        if change["trade_id"] is not None:
            second.ids[change["venue"], change["trade_id"]] = at


def _windows(seconds: dict[tuple[str, int], _Second], resolution: str) -> dict[CandleKey, tuple[list[Tick], int]]:
    """The trades of every window and its number of duplicates."""
    length = RESOLUTIONS_NS[resolution]
    windows: dict[CandleKey, tuple[list[Tick], int]] = {}
    for (symbol, start), second in seconds.items():
        key = CandleKey(symbol, resolution, start - start % length)
        ticks, duplicates = windows.get(key, ([], 0))
        ticks.extend(tick for tick in second.ticks if tick is not None)
        windows[key] = ticks, duplicates + second.duplicates
    return {key: window for key, window in windows.items() if window[0]}


def candle(ticks: list[Tick], duplicates: int, window_end: int) -> ExpectedCandle:
    """The candle of a window's trades, in whatever order they are given."""
    prices = [tick.price for tick in ticks]
    volume = sum((tick.size for tick in ticks), Decimal(0))
    notional = sum((tick.price * tick.size for tick in ticks), Decimal(0))
    first, last = _at_the_edge(ticks, min), _at_the_edge(ticks, max)
    return ExpectedCandle(
        window_end=window_end,
        open=first.price,
        high=max(prices),
        low=min(prices),
        close=last.price,
        volume=volume,
        notional=notional if notional < NOTIONAL_BOUND else None,
        vwap=_rounded_once(notional, volume),
        trade_count=len(ticks),
        duplicate_count=duplicates,
        first_ts_event=first.ts_event,
        last_ts_event=last.ts_event,
    )


Extreme = Callable[..., Tick]  # min or max


def _at_the_edge(ticks: list[Tick], extreme: Extreme) -> Tick:
    """The first (min) or last (max) trade by (ts_event, sequence within a venue, offset).

    Sequences of two venues do not compare. So each venue's sequenced trades are represented by the outermost
    of them, the trades without a sequence by theirs, and among these the offset decides.
    """
    edge = extreme(ticks, key=lambda tick: tick.ts_event).ts_event
    groups: dict[tuple[bool, str | None], list[Tick]] = defaultdict(list)
    for tick in ticks:
        if tick.ts_event == edge:
            sequenced = tick.sequence is not None
            groups[sequenced, tick.venue if sequenced else None].append(tick)
    outermost = [extreme(group, key=lambda tick: (tick.sequence or 0, tick.offset)) for group in groups.values()]
    return extreme(outermost, key=lambda tick: tick.offset)


def _rounded_once(notional: Decimal, volume: Decimal) -> Decimal:
    """notional / volume at scale 12; Fraction divides exactly and round() takes half to even."""
    units = round(Fraction(notional) / Fraction(volume) * 10**12)
    return Decimal(units).scaleb(-12)
