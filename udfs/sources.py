"""Where the trades of a second stand in the trades topic: ranges of offsets, by partition, that hold them all.

The Python twin of udfs/jvm/tickloom/Sources.java.
"""

from collections.abc import Iterable
from itertools import groupby, pairwise
from typing import NamedTuple

GAP_MAX = 1 << 14
"""Reading through so many records costs less than a seek."""
RANGES_MAX = 16


class Range(NamedTuple):
    """The records from `first` to `last`, both included."""

    partition: int
    first: int
    last: int


Sources = tuple[Range, ...]
"""Disjoint, in the order of (partition, first)."""


def union(ranges: Iterable[Range]) -> Sources:
    """Ranges that hold all of these; small gaps are closed, and the smallest ones when there are too many ranges."""
    joined = [
        each
        for _, partition in groupby(sorted(ranges), key=lambda each: each.partition)
        for each in _close_gaps(list(partition), GAP_MAX)
    ]
    while len(joined) > RANGES_MAX and (gaps := _gaps(joined)):
        at = min(gaps)[1]
        joined[at : at + 2] = [joined[at]._replace(last=joined[at + 1].last)]
    return tuple(joined)


def _close_gaps(ranges: list[Range], gap_max: int) -> list[Range]:
    joined = [ranges[0]]
    for each in ranges[1:]:
        if each.first - joined[-1].last <= gap_max:
            joined[-1] = joined[-1]._replace(last=max(joined[-1].last, each.last))
        else:
            joined.append(each)
    return joined


def _gaps(ranges: list[Range]) -> list[tuple[int, int]]:
    """(size, place) of the gaps inside partitions."""
    return [
        (later.first - earlier.last, at)
        for at, (earlier, later) in enumerate(pairwise(ranges))
        if earlier.partition == later.partition
    ]
