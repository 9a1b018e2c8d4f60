"""What bars to make: `tick=1000`, `dollar=2500000`, `volume_imbalance=500:100:5000`."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from schemas.exact import Fixed
from schemas.topics import BAR_KINDS

SIZE = Fixed(38, 12)
UNBOUNDED = Decimal(2**63 - 1)


@dataclass(frozen=True)
class Spans:
    """Spans of the exponentially weighted means: over trades, and over bars."""

    ticks: int
    bars: int


@dataclass(frozen=True)
class BarSpec:
    """A kind of bar and its size: what a standard bar holds, or the trades first expected in the other kinds."""

    kind: str
    size: Decimal
    trades_min: Decimal = Decimal(1)
    trades_max: Decimal = UNBOUNDED
    """Bounds of the expected number of trades, of imbalance and run bars."""

    @property
    def unit(self) -> str:
        """tick, volume or dollar."""
        return self.kind.partition("_")[0]

    @property
    def rule(self) -> str:
        """imbalance, run, or nothing for standard bars."""
        return self.kind.partition("_")[2]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `kind=size` or, for imbalance and run bars, `kind=size:least:most`.

        Raises ValueError saying what is allowed.
        """
        kind, _, numbers = text.partition("=")
        if kind not in BAR_KINDS:
            raise ValueError(
                f"'{text}' is no bar: give kind and size, such as tick=1000; kinds: {', '.join(BAR_KINDS)}"
            )
        amounts = [_amount(text, number) for number in numbers.split(":")]
        if kind not in ("volume", "dollar") and any(amount % 1 for amount in amounts):
            raise ValueError(f"'{text}': trades are counted in whole numbers")
        if len(amounts) not in ((1, 3) if "_" in kind else (1,)):
            raise ValueError(f"'{text}': give {kind}=size" + (f", or {kind}=size:least:most" if "_" in kind else ""))
        if len(amounts) == 3 and not amounts[1] <= amounts[0] <= amounts[2]:
            raise ValueError(f"'{text}': the size must lie between the bounds")
        return cls(kind, *amounts)


def _amount(text: str, number: str) -> Decimal:
    try:
        amount = SIZE.fit(number)
    except ValueError as error:
        raise ValueError(f"'{text}': {error}") from None
    if amount <= 0:
        raise ValueError(f"'{text}': a size must be above 0")
    return amount
