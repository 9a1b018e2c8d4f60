"""Candles adjusted for splits and cash dividends: computed when they are read, never written.

Splits after CRSP's convention (Data Description Guide, "Adjusted Data"): prices are divided, and volumes multiplied, by
the product of the ratios of all later splits. A cash dividend d after a close c multiplies earlier prices by 1 - d/c,
which is what vendors publish as adjusted close and says what an investor had who put dividends back; CRSP itself has
them in its total returns instead. An action concerns the candles whose windows start before it is effective.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal
from fractions import Fraction
from itertools import accumulate
from operator import mul
from typing import Literal

from schemas.exact import Fixed, nanoseconds
from schemas.models import NOTIONAL, PRICE
from services.candle_json import plain_decimal
from services.records import CandleRecord
from services.reference import CorporateAction

Adjustment = Literal["raw", "splits", "all"]
"""All is splits and dividends."""
PRICES = ("open", "high", "low", "close")
WIDE = Context(prec=100)
"""More digits than any field has: what does not fit is found, not cut."""


class AdjustmentError(ValueError):
    """A candle cannot be adjusted: one line with the reason."""


@dataclass(frozen=True)
class Factors:
    """What prices and volumes are multiplied by."""

    price: Fraction = Fraction(1)
    volume: Fraction = Fraction(1)

    def __mul__(self, other: "Factors") -> "Factors":
        return Factors(self.price * other.price, self.volume * other.volume)


def in_effect(actions: Iterable[CorporateAction], adjustment: Adjustment, now: datetime) -> list[CorporateAction]:
    """Those of the actions that candles read now are adjusted for."""
    types = {"raw": (), "splits": ("split",), "all": ("split", "dividend")}[adjustment]
    return [action for action in actions if action.type in types and action.effective <= now]


def adjusted(candles: Sequence[CandleRecord], actions: Iterable[CorporateAction]) -> list[CandleRecord]:
    """Candles of one symbol after all its actions, as they are before or in effect; the rest of their fields stays.

    Raises AdjustmentError where one cannot be: the close before a dividend is not known, or a value grows too large.
    """
    if not candles:
        return []
    first = min(candle["window_start"] for candle in candles)
    schedule = Schedule(action for action in actions if nanoseconds(action.effective) > first)
    return [_adjusted(candle, schedule.at(candle["window_start"])) for candle in candles]


class Schedule:
    """The factors of every time. Raises AdjustmentError when the close before a dividend is not known."""

    def __init__(self, actions: Iterable[CorporateAction]) -> None:
        latest_first = sorted(actions, key=lambda action: action.effective, reverse=True)
        self._times = [nanoseconds(action.effective) for action in reversed(latest_first)]
        self._after = [*accumulate(map(factors, latest_first), mul, initial=Factors())]
        """By the number of actions that come later."""

    def at(self, window_start: int) -> Factors:
        """Of a candle whose window starts then, in nanoseconds since the epoch."""
        return self._after[len(self._times) - bisect_right(self._times, window_start)]


def factors(action: CorporateAction) -> Factors:
    """Of everything before an action. Raises AdjustmentError as `adjusted` does."""
    if action.ratio is not None:
        ratio = Fraction(action.ratio) / Fraction(action.per)
        return Factors(1 / ratio, ratio)
    amount, close = Fraction(action.amount or 0), action.close_before
    if close is None:
        known = "no candle of a day before it has a close, and none is stated (close_before)"
        raise AdjustmentError(f"{_dividend(action)} cannot be applied: {known}")
    if amount >= close:
        raise AdjustmentError(f"{_dividend(action)} cannot be applied: the close before it is {plain_decimal(close)}")
    return Factors(price=1 - amount / Fraction(close))


def _dividend(action: CorporateAction) -> str:
    amount = plain_decimal(action.amount or Decimal(0))
    return f"{action.symbol}: the dividend of {amount}, effective {action.effective.isoformat()},"


def _adjusted(candle: CandleRecord, by: Factors) -> CandleRecord:
    if by == Factors():
        return candle
    prices = {name: _times(candle[name], by.price) for name in PRICES}
    values = {**prices, "volume": _times(candle["volume"], by.volume), "vwap": _vwap(candle, by)}
    notional = _times(candle["notional"], by.price * by.volume)
    try:
        rounded = {name: _rounded(value, PRICE) for name, value in values.items()}
        return {**candle, **rounded, "notional": _rounded(notional, NOTIONAL)}
    except ValueError as error:
        raise AdjustmentError(f"{candle['symbol']}: adjusted, a candle has a value too large: {error}") from None


def _vwap(candle: CandleRecord, by: Factors) -> Fraction | None:
    """From what it was rounded from, where that is known: it is rounded once."""
    if candle["vwap"] is None or candle["notional"] is None:
        return _times(candle["vwap"], by.price)
    return Fraction(candle["notional"]) / Fraction(candle["volume"]) * by.price


def _times(value: Decimal | None, factor: Fraction) -> Fraction | None:
    return None if value is None else Fraction(value) * factor


def _rounded(value: Fraction | None, fixed: Fixed) -> Decimal | None:
    """Half to even, as round() does. Raises ValueError when it has too many digits."""
    if value is None:
        return None
    return fixed.fit(Decimal(round(value * 10**fixed.scale)).scaleb(-fixed.scale, WIDE))
