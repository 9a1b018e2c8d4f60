"""Which candles a deployment publishes, where two share the work on one market: see README, "Side by side"."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from schemas.exact import nanoseconds


@dataclass(frozen=True)
class Period:
    """Windows that start at or after `since` and before `until`: nanoseconds since the epoch, None for no bound."""

    since: int | None = None
    until: int | None = None

    @classmethod
    def between(cls, since: datetime | None, until: datetime | None) -> Self:
        """From aware times."""
        return cls(*(None if bound is None else nanoseconds(bound) for bound in (since, until)))

    def holds(self, column: str) -> str:
        """SQL: whether a column, in nanoseconds, lies in it."""
        bounds = [f"{column} >= {self.since}"] * (self.since is not None)
        bounds += [f"{column} < {self.until}"] * (self.until is not None)
        return " AND ".join(bounds) or "TRUE"


ALWAYS = Period()
