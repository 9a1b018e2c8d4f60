"""The independent check: every candle of a tape, recomputed in plain Python decimals.

It shares no code with the jobs. A candle is computed from the list of its trades, never merged from
smaller candles, so that a wrong merge cannot hide in it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact, InvalidOperation, localcontext
from fractions import Fraction
from typing import Any, NamedTuple, Self

from services.records import TradeRecord
from services.sale_conditions import SaleConditions, Updates

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

    @classmethod
    def of(cls, candle: Mapping[str, Any]) -> Self:
        """The key of a record of schemas/candle.avsc."""
        return cls(candle["symbol"], candle["resolution"], candle["window_start"])


class ExpectedCandle(NamedTuple):
    """What a candle must say, under the names of schemas/candle.avsc."""

    window_end: int
    open: Decimal | None
    high: Decimal | None
    low: Decimal | None
    close: Decimal | None
    volume: Decimal
    notional: Decimal | None
    vwap: Decimal | None
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
    updates: Updates = Updates()


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


def expected_candles(
    tape: Iterable[TradeRecord],
    resolutions: Iterable[str] = RESOLUTIONS_NS,
    conditions: SaleConditions | None = None,
) -> Expected:
    """Every candle of every resolution. The tape is in the order of offsets (or rows), at any times.

    Without sale conditions, every trade updates everything.
    """
    expected = Expected()
    seconds = _seconds(tape, expected, conditions or SaleConditions())
    with localcontext(_EXACT):
        for resolution in resolutions:
            for key, (ticks, duplicates) in _windows(seconds, resolution).items():
                end = key.window_start + RESOLUTIONS_NS[resolution]
                expected.candles[key] = candle(ticks, duplicates, end, whole_day=resolution == "1d")
    return expected


@dataclass
class _Second:
    """The trades of one symbol in one second, each once; a busted one is None."""

    ticks: list[Tick | None] = field(default_factory=list)
    ids: dict[tuple[str | None, str], int] = field(default_factory=dict)
    """Where the trade of an id is among the ticks."""
    duplicates: int = 0


def _seconds(
    tape: Iterable[TradeRecord], expected: Expected, conditions: SaleConditions
) -> dict[tuple[str, int], _Second]:
    seconds: dict[tuple[str, int], _Second] = defaultdict(_Second)
    changes = []
    for offset, trade in enumerate(tape):
        expected.trades += 1
        if trade["action"] != "new":
            changes.append(trade)
        elif trade["size"] <= 0 or trade["price"] <= 0:
            expected.rejected += 1
        else:
            _count_once(
                seconds[trade["symbol"], _second(trade["ts_event"])],
                _tick(trade, offset, conditions),
                trade["trade_id"],
            )
    expected.changes = len(changes)
    for change in changes:  # a message may come before the trade it changes
        _change(seconds[change["symbol"], _second(change["original_ts_event"] or 0)], change, expected, conditions)
    return seconds


def _second(ts_event: int) -> int:
    return ts_event - ts_event % SECOND_NS


def _tick(trade: TradeRecord, offset: int, conditions: SaleConditions) -> Tick:
    updates = conditions.updates(trade["venue"], trade["conditions"])
    return Tick(trade["ts_event"], trade["venue"], trade["sequence"], offset, trade["price"], trade["size"], updates)


def _count_once(second: _Second, tick: Tick, trade_id: str | None) -> None:
    if trade_id is not None:
        identity = (tick.venue, trade_id)
        if identity in second.ids:
            second.duplicates += 1
            return
        second.ids[identity] = len(second.ticks)
    second.ticks.append(tick)


def _change(second: _Second, change: TradeRecord, expected: Expected, conditions: SaleConditions) -> None:
    """Take a busted trade out, or give it its corrected price, size and conditions; its place in the order stays."""
    at = second.ids.get((change["venue"], change["original_trade_id"] or ""))
    if at is None:
        expected.unknown += 1
        return
    tick = second.ticks[at]
    if change["action"] == "cancel":
        second.ticks[at] = None
    elif tick is not None:
        updates = conditions.updates(tick.venue, change["conditions"])
        second.ticks[at] = tick._replace(price=change["price"], size=change["size"], updates=updates)
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


def candle(ticks: list[Tick], duplicates: int, window_end: int, *, whole_day: bool = False) -> ExpectedCandle:
    """The candle of a window's trades, in whatever order they are given."""
    counted = [tick for tick in ticks if tick.updates.volume]
    volume = sum((tick.size for tick in counted), Decimal(0))
    notional = sum((tick.price * tick.size for tick in counted), Decimal(0))
    open_close, high_low = _setting_prices(ticks, whole_day)
    prices = [tick.price for tick in high_low]
    times = [tick.ts_event for tick in ticks]
    return ExpectedCandle(
        window_end=window_end,
        open=_opening(open_close).price if open_close else None,
        high=max(prices, default=None),
        low=min(prices, default=None),
        close=_at_the_edge(open_close, max).price if open_close else None,
        volume=volume,
        notional=notional if notional < NOTIONAL_BOUND else None,
        vwap=_rounded_once(notional, volume) if volume else None,
        trade_count=len(ticks),
        duplicate_count=duplicates,
        first_ts_event=min(times),
        last_ts_event=max(times),
    )


def _setting_prices(ticks: list[Tick], whole_day: bool) -> tuple[list[Tick], list[Tick]]:
    """The trades that set open and close, and those that set high and low.

    Those of extended hours are among them where no other trade sets open and close, but never in a day's candle.
    """
    chosen = [tick for tick in ticks if not tick.updates.extended_hours]
    if not whole_day and not _allowed(chosen, "open_close", len(ticks)):
        chosen = ticks
    return _allowed(chosen, "open_close", len(ticks)), _allowed(chosen, "high_low", len(ticks))


def _allowed(ticks: list[Tick], what: str, trades: int) -> list[Tick]:
    """Those of the trades that may update it in a window of so many trades."""
    at_once = ("always", "if only") if trades == 1 else ("always",)
    allowed = [tick for tick in ticks if getattr(tick.updates, what) in at_once]
    waiting = [tick for tick in ticks if getattr(tick.updates, what) == "if first"]
    first = _at_the_edge(allowed + waiting, min) if waiting else None
    return [first, *allowed] if first and first in waiting else allowed


def _opening(allowed: list[Tick]) -> Tick:
    """One that is in because it is the first is so, whatever else may not set the price."""
    return allowed[0] if allowed[0].updates.open_close == "if first" else _at_the_edge(allowed, min)


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
