"""Exact values: decimals that fit their precision and scale, times in nanoseconds; nothing is rounded."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONG_MAX = 2**63 - 1

# Decimal() and fromisoformat() also take underscores, the digits of every script and shortened forms.
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,6})?")
_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:[.,]([0-9]+))?(Z|[+-][0-9]{2}:[0-9]{2})?"
)


class Fixed:
    """The decimals of a precision and scale, such as decimal(38, 12), and their form on the wire.

    On the wire a decimal is its unscaled integer in two's complement, big-endian.
    """

    def __init__(self, precision: int, scale: int) -> None:
        self.precision, self.scale = precision, scale
        self._limit = 10**precision
        self._quantum = Decimal((0, (1,), -scale))
        self._exact = Context(prec=precision, traps=[Inexact, InvalidOperation])

    def __repr__(self) -> str:
        return f"decimal({self.precision}, {self.scale})"

    def fit(self, value: Any) -> Decimal:
        """A Decimal, int or decimal string at this scale.

        Raises ValueError for a float, for what is no finite number and for a value that does not fit exactly.
        """
        exact = value if isinstance(value, Decimal) else _decimal(value)
        if not exact.is_finite():
            raise ValueError(f"{value} is no exact number")
        try:
            return self._exact.quantize(exact, self._quantum)
        except DecimalException:
            raise ValueError(f"{value} does not fit {self} exactly") from None

    def to_wire(self, value: Decimal) -> bytes:
        """Bytes of a Decimal. Raises ValueError when it does not fit exactly."""
        unscaled = int(self.fit(value).scaleb(self.scale, self._exact))
        return unscaled.to_bytes(unscaled.bit_length() // 8 + 1, "big", signed=True)

    def from_wire(self, value: bytes) -> Decimal:
        """The Decimal of bytes, at this scale. Raises ValueError when it has too many digits."""
        unscaled = int.from_bytes(value, "big", signed=True)
        if not -self._limit < unscaled < self._limit:
            raise ValueError(f"{len(value)} bytes of digits do not fit {self}")
        return Decimal(unscaled).scaleb(-self.scale, self._exact)


def unscaled(value: Decimal, scale: int = 12) -> int:
    """The integer n of a decimal n x 10^-scale. Raises decimal.Inexact when it has more digits after the point."""
    exact = value.scaleb(scale, Context(prec=100)).to_integral_exact(context=Context(prec=100, traps=[Inexact]))
    return int(exact)


def nanoseconds(value: Any) -> int:
    """Nanoseconds since the Unix epoch, from an int, an aware datetime or ISO-8601 text with a zone.

    Raises ValueError for a time without a zone, finer than a nanosecond or beyond 64 bits, and the like.
    """
    match value:
        case bool():
            raise ValueError("True and False are no times")
        case int():
            return _long(value)
        case datetime():
            return _long(_microseconds(value) * 1_000)
        case str():
            return _long(_from_text(value))
    raise ValueError(f"{value!r} is no time: give nanoseconds, an aware datetime or ISO-8601 with a zone")


def instant(value: Any) -> datetime:
    """The aware datetime, in UTC, of anything `nanoseconds` takes.

    Raises ValueError as it does, and where a datetime cannot hold the time: it is finer than a microsecond.
    """
    microseconds, finer = divmod(nanoseconds(value), 1_000)
    if finer:
        raise ValueError(f"{value} is finer than a microsecond")
    return EPOCH + timedelta(microseconds=microseconds)


def floor_instant(nanoseconds_utc: int) -> datetime:
    """The aware datetime, in UTC, of integer nanoseconds, cut to the microsecond before."""
    return EPOCH + timedelta(microseconds=nanoseconds_utc // 1_000)


def _decimal(value: Any) -> Decimal:
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return Decimal(value)
    raise ValueError(f"{value!r} is no exact number: give a Decimal, an int or a decimal string")


def _from_text(text: str) -> int:
    parts = _INSTANT.fullmatch(text)
    if not parts:
        raise ValueError(f"'{text}' is not ISO-8601, such as 2013-11-25T00:00:00.000000001Z")
    day, clock, fraction, zone = parts.groups()
    if not zone:
        raise ValueError(f"'{text}' has no zone: end it with Z or an offset such as +01:00")
    digits = (fraction or "").rstrip("0")
    if len(digits) > 9:
        raise ValueError(f"'{text}' is finer than a nanosecond")
    return _microseconds(datetime.fromisoformat(f"{day}T{clock}{zone}")) * 1_000 + int(digits.ljust(9, "0"))


def _microseconds(value: datetime) -> int:
    if value.tzinfo is None:
        raise ValueError(f"{value} has no zone: give an aware datetime")
    return (value - EPOCH) // timedelta(microseconds=1)


def _long(value: int) -> int:
    if not -LONG_MAX - 1 <= value <= LONG_MAX:
        raise ValueError(f"{value} ns does not fit 64 bits")
    return value
