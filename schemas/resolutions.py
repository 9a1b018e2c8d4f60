"""Lengths of candles: `1s`, `5m`, `1h`, `1d`."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

UNIT_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
UNIT_SQL = {"s": "SECOND", "m": "MINUTE", "h": "HOUR", "d": "DAY"}
DEFAULT = ("1s", "1m", "5m", "15m", "1h", "1d")
SESSIONS = ("session", "extended", "day")
"""In place of a length, the resolutions of candles whose windows the calendar of their market decides."""


def seconds(resolution: str) -> int:
    """Length in seconds. Raises ValueError naming what is allowed."""
    number, unit = resolution[:-1], resolution[-1:]
    if unit not in UNIT_SECONDS or not number.isascii() or not number.isdigit() or int(number) == 0:
        raise ValueError(f"'{resolution}' is not a resolution: a whole number and s, m, h or d, such as 15m")
    return int(number) * UNIT_SECONDS[unit]


def has_extended_hours(resolution: str) -> bool:
    """Whether its candles may show prices of extended hours: those shorter than a day, and `extended` itself."""
    length = resolution[:-1].isdigit() and seconds(resolution)
    return resolution == "extended" or 0 < length < UNIT_SECONDS["d"]


def interval(resolution: str) -> str:
    """As a SQL interval: `INTERVAL '15' MINUTE`."""
    return f"INTERVAL '{resolution[:-1]}' {UNIT_SQL[resolution[-1]]}"


class Stepped(NamedTuple):
    """Candles of a length that are given more often than they begin: every `step`."""

    length: str
    step: str


def stepped(text: str) -> Stepped:
    """Read `5m:1m`, five minutes every minute. Raises ValueError saying what is allowed."""
    length, _, step = text.partition(":")
    if not step:
        raise ValueError(f"'{text}': give a length and a step, such as 5m:1m")
    if seconds(length) <= seconds(step) or seconds(length) % seconds(step) or UNIT_SECONDS["d"] % seconds(length):
        raise ValueError(f"'{text}': the step must divide the length, and the length a day")
    return Stepped(length, step)


def check_cascade(resolutions: Sequence[str]) -> tuple[str, ...]:
    """The resolutions, each of which is rolled up from the one before it, starting at 1s.

    Raises ValueError when the first is not 1s, when one does not divide the next, or does not divide a day (windows
    are aligned to the UTC day).
    """
    lengths = [seconds(resolution) for resolution in resolutions]
    if not lengths or lengths[0] != 1:
        raise ValueError("the first resolution must be 1s: all others are rolled up from it")
    for shorter, longer in pairwise(lengths):
        if longer <= shorter or longer % shorter:
            raise ValueError(
                f"{longer} s cannot be rolled up from {shorter} s: each must be a multiple of the one before"
            )
    for resolution, length in zip(resolutions, lengths, strict=True):
        if UNIT_SECONDS["d"] % length:
            raise ValueError(f"{resolution} does not divide a day")
    return tuple(resolutions)
