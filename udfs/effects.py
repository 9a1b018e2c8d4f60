"""What a trade may update, judged by its sale conditions. The Python twin of udfs/jvm/tickloom/Effects.java."""

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple, Self


class When(IntEnum):
    """When a trade sets a price of a bar; each is more restrictive than the one before."""

    ALWAYS = 0
    IF_FIRST = 1
    """When it is the first trade of the bar that may set it."""
    IF_ONLY = 2
    """When it is the only trade of the bar."""
    NEVER = 3


class Effects(NamedTuple):
    """What a trade may update; by default, everything."""

    open_close: When = When.ALWAYS
    high_low: When = When.ALWAYS
    volume: bool = True
    extended_hours: bool = False
    """It sets prices of bars of extended hours only."""

    @property
    def bits(self) -> int:
        """As the JVM core has it; 0 is everything."""
        return self.open_close | self.high_low << 2 | self.extended_hours << 4 | (not self.volume) << 5

    @classmethod
    def of_bits(cls, bits: int) -> Self:
        """The inverse of `bits`."""
        return cls(When(bits & 3), When(bits >> 2 & 3), not bits & 32, bool(bits & 16))

    @property
    def of_prices(self) -> "Effects":
        """The part of it that concerns prices."""
        return self._replace(volume=True)

    @property
    def sets_no_price(self) -> bool:
        """Whether it has no part in any price."""
        return self.open_close == self.high_low == When.NEVER


REGULAR = Effects()


def tightest(all_of: Iterable[Effects]) -> Effects:
    """The most restrictive of these, effect by effect; of none, everything."""
    listed = [REGULAR, *all_of]
    return Effects(
        max(each.open_close for each in listed),
        max(each.high_low for each in listed),
        all(each.volume for each in listed),
        any(each.extended_hours for each in listed),
    )
