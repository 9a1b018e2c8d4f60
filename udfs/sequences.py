"""Gaps in the numbering of a feed: which messages of a (venue, symbol) have not come, and which came after all.

Fed with runs of consecutive numbers, in the order in which they were read; copies and disorder are allowed. A hole is
reported as a gap when the feed's own time has gone on by more than the allowed disorder, or when nothing more comes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

HOLES_MAX = 1_000
"""Of one series: the oldest are given up."""


class Run(NamedTuple):
    """Numbers `first` to `last`, both included, and when the first and the last of them happened (nanoseconds)."""

    first: int
    last: int
    first_ts_event: int
    last_ts_event: int


@dataclass(frozen=True)
class Hole:
    """Numbers `first` to `last` that have not come, between trades at `since` and `until` (nanoseconds)."""

    first: int
    last: int
    since: int
    until: int
    reported: bool = False

    @property
    def size(self) -> int:
        """How many numbers it is."""
        return self.last - self.first + 1

    def without(self, run: Run) -> list["Hole"]:
        """What is left of it when a run has come."""
        before = replace(self, last=min(self.last, run.first - 1))
        after = replace(self, first=max(self.first, run.last + 1))
        return [self] if before.last == self.last else [part for part in (before, after) if part.size > 0]


class Finding(NamedTuple):
    """What a reader of the data should know; of the numbers `first` to `last`."""

    kind: Literal["gap", "gap_filled", "sequence_reset"]
    first: int
    last: int
    since: int
    until: int


@dataclass
class Series:
    """What has come of a (venue, symbol)."""

    last: int
    newest: int
    """Time of the latest message, nanoseconds."""
    holes: list[Hole] = field(default_factory=list)
    """In the order of their numbers."""

    @classmethod
    def before(cls, run: Run) -> "Series":
        """Of which this is the first run: nothing is known of earlier numbers."""
        return cls(run.first - 1, run.first_ts_event)

    def fresh(self, run: Run) -> int:
        """How many numbers of a run have not come before."""
        beyond = max(0, run.last - max(self.last, run.first - 1))
        return beyond + sum(max(0, min(each.last, run.last) - max(each.first, run.first) + 1) for each in self.holes)

    def take(self, run: Run, disorder: int) -> Iterator[Finding]:
        """A run has come; `disorder` in nanoseconds is how far apart in time neighbours may be."""
        if run.last < self.last and run.first_ts_event > self.newest + disorder:
            yield from self._begin_anew(run)
            return
        if run.first > self.last + 1:
            hole = Hole(self.last + 1, run.first - 1, self.newest, run.first_ts_event)
            self.holes = [*self.holes, hole][-HOLES_MAX:]
        elif any(hole.first <= run.last and run.first <= hole.last for hole in self.holes):
            yield from self._fill(run)
        self.last = max(self.last, run.last)
        self.newest = max(self.newest, run.last_ts_event)
        yield from self.report(self.newest - disorder)

    def report(self, up_to: int) -> Iterator[Finding]:
        """The gaps before a time (nanoseconds) that nobody has been told of."""
        for at, hole in enumerate(self.holes):
            if not hole.reported and hole.until <= up_to:
                self.holes[at] = replace(hole, reported=True)
                yield Finding("gap", hole.first, hole.last, hole.since, hole.until)

    def report_all(self) -> Iterator[Finding]:
        """All the gaps that nobody has been told of."""
        yield from self.report(self.newest)

    @property
    def is_waiting(self) -> bool:
        """Whether there are holes that nobody has been told of."""
        return any(not hole.reported for hole in self.holes)

    def _fill(self, run: Run) -> Iterator[Finding]:
        for hole in self.holes:
            first, last = max(hole.first, run.first), min(hole.last, run.last)
            if hole.reported and first <= last:
                yield Finding("gap_filled", first, last, hole.since, hole.until)
        self.holes = [part for hole in self.holes for part in hole.without(run)]

    def _begin_anew(self, run: Run) -> Iterator[Finding]:
        yield from self.report(self.newest)
        yield Finding("sequence_reset", run.first, self.last, self.newest, run.first_ts_event)
        self.last, self.newest, self.holes = run.last, run.last_ts_event, []
