"""Turns the text of a trades file into exact values: decimals of scale 12, integer nanoseconds."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation
from functools import lru_cache

NANOSECONDS_PER_SECOND = 1_000_000_000
LARGEST_LONG = 2**63 - 1

_SCALE_12 = Decimal("1e-12")
_EXACT_38_DIGITS = Context(prec=38, traps=[Inexact, InvalidOperation])
# Decimal() and int() also take underscores and the digits of every script.
_number = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?").fullmatch
_digits = re.compile(r"[0-9]{1,19}").fullmatch
_signed_digits = re.compile(r"-?[0-9]{1,19}").fullmatch
_iso_8601 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?:[.,]([0-9]+))?(Z|[+-][0-9]{2}:?[0-9]{2})?"
).fullmatch
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def decimal_38_12(column: str, text: str) -> Decimal:
    """The exact value of a decimal in plain or exponent notation, at scale 12.

    Raises ValueError when it is no number or does not fit decimal(38,12) exactly.
    """
    if not _number(text):
        raise ValueError(f"{column} is empty" if not text else f"{column} {text!r} is not a decimal number")
    try:
        return _EXACT_38_DIGITS.quantize(Decimal(text), _SCALE_12)
    except DecimalException:
        raise ValueError(f"{column} {text!r} does not fit decimal(38,12) exactly") from None


def nanoseconds(column: str, text: str) -> int:
    """Nanoseconds since the Unix epoch, from integer nanoseconds or ISO-8601 with a zone.

    Raises ValueError for anything else, a time without a zone and a time before 1970 among it.
    """
    if _digits(text):
        return _long(column, int(text))
    iso = _iso_8601(text)
    if not iso:
        raise ValueError(
            f"{column} {text!r} is neither integer nanoseconds nor ISO-8601" if text else f"{column} is empty"
        )
    day, time, fraction, zone = iso.groups()
    if not zone:
        raise ValueError(f"{column} {text!r} has no zone: end it with Z or an offset such as +01:00")
    return _long(column, _whole_seconds(column, f"{day}T{time}{zone}") + _fraction(column, text, fraction))


def long_integer(column: str, text: str) -> int:
    """A 64-bit integer. Raises ValueError when it is none."""
    if not _signed_digits(text):
        raise ValueError(f"{column} {text!r} is not an integer")
    return _long(column, int(text))


@lru_cache(maxsize=64)
def _whole_seconds(column: str, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{column} {text!r} is no time of the calendar: {error}") from None
    seconds = (moment - _EPOCH) // timedelta(seconds=1)
    if seconds < 0:
        raise ValueError(f"{column} {text!r} is before 1970")
    return seconds * NANOSECONDS_PER_SECOND


def _fraction(column: str, text: str, digits: str | None) -> int:
    kept = (digits or "").rstrip("0")
    if len(kept) > 9:
        raise ValueError(f"{column} {text!r} is finer than a nanosecond")
    return int(kept.ljust(9, "0"))


def _long(column: str, value: int) -> int:
    if not -LARGEST_LONG - 1 <= value <= LARGEST_LONG:
        raise ValueError(f"{column} {value} does not fit 64 bits")
    return value
