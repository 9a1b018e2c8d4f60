"""Gaps in the numbering of a feed, less what came after all."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from schemas.models import QualityEvent

Range = tuple[int, int]
"""First and last sequence number, both in it."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Sequence numbers of a symbol's feed that did not come between two trades (nanoseconds, UTC)."""

    symbol: str
    venue: str | None
    first_sequence: int
    last_sequence: int
    ts_event: int
    ts_until: int
    open: tuple[Range, ...]
    """What is still missing, in order."""

    @property
    def missing(self) -> int:
        """How many numbers were missing at first."""
        return self.last_sequence - self.first_sequence + 1

    @property
    def still_missing(self) -> int:
        """How many of them have not come since."""
        return sum(last - first + 1 for first, last in self.open)

    @property
    def state(self) -> str:
        """open, partly filled or filled."""
        if not self.open:
            return "filled"
        return "open" if self.still_missing == self.missing else "partly filled"


def gaps(events: Iterable[QualityEvent]) -> list[Gap]:
    """Every gap and what is left of it, those that miss most first. Events of other kinds are passed over.

    A `gap_filled` belongs to the gaps of its symbol and venue that share its numbers and touch its time: after a reset
    the same numbers come again. A gap that is told twice is one.
    """
    found: dict[tuple[str, str | None, int, int, int], QualityEvent] = {}
    fills: dict[tuple[str, str | None], list[tuple[int, int, QualityEvent]]] = defaultdict(list)
    for event in events:
        if event.first_sequence is None or event.last_sequence is None:
            continue
        if event.kind == "gap":
            key = (event.symbol, event.venue, event.first_sequence, event.last_sequence, event.ts_event)
            found[key] = event
        elif event.kind == "gap_filled":
            fills[event.symbol, event.venue].append((event.first_sequence, event.last_sequence, event))
    for of_feed in fills.values():
        of_feed.sort(key=lambda fill: fill[:2])
    left = [_gap(first, last, event, fills[symbol, venue]) for (symbol, venue, first, last, _), event in found.items()]
    return sorted(left, key=lambda gap: (-gap.still_missing, gap.ts_event, gap.symbol, gap.first_sequence))


def _gap(first: int, last: int, event: QualityEvent, fills: Sequence[tuple[int, int, QualityEvent]]) -> Gap:
    until = _until(event)
    low = bisect_left(fills, first, key=lambda fill: fill[0])
    high = bisect_right(fills, last, key=lambda fill: fill[0])
    left = [(first, last)]
    for filled_first, filled_last, fill in fills[low:high]:
        if fill.ts_event <= until and event.ts_event <= _until(fill):
            left = _less(left, (filled_first, filled_last))
    return Gap(event.symbol, event.venue, first, last, event.ts_event, until, tuple(left))


def _less(ranges: Iterable[Range], filled: Range) -> list[Range]:
    sides = [
        side
        for first, last in ranges
        for side in ((first, min(last, filled[0] - 1)), (max(first, filled[1] + 1), last))
    ]
    return [(first, last) for first, last in sides if first <= last]


def _until(event: QualityEvent) -> int:
    return event.ts_event if event.ts_until is None else event.ts_until
