"""The prices that a candle's trades have set, as tracks by what the trades may update, and what the candle shows.

The twin of udfs/jvm/tickloom/Edge.java, Track.java, Irregular.java and Prices.java. Prices are unscaled integers.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from udfs.effects import Effects, When


class Candidate(NamedTuple):
    """A trade that may be the open or close among those of its nanosecond."""

    sequence: int
    offset: int
    partition: int
    price: int

    @property
    def place(self) -> tuple[int, int]:
        """Its order among trades of other venues: the offset, then the partition."""
        return self.offset, self.partition


@dataclass(frozen=True)
class Edge:
    """The open or close: at the outermost nanosecond, the outermost trade of each venue that numbers its trades.

    Unnumbered trades share the key None. Sequences of two venues do not compare, so the rule is a set.
    """

    ts_event: int
    candidates: dict[str | None, Candidate]

    def leader(self, direction: int) -> tuple[str | None, Candidate]:
        """The candidate with the outermost place, and its venue: direction -1 for the open, 1 for the close."""
        return (min if direction < 0 else max)(self.candidates.items(), key=lambda each: each[1].place)

    def price(self, direction: int) -> int:
        """Of its leader."""
        return self.leader(direction)[1].price


def outermost(direction: int, edges: Iterable[Edge]) -> Edge | None:
    """The edge of all of these together; None of none."""
    edges = list(edges)
    if not edges:
        return None
    ts_event = (min if direction < 0 else max)(edge.ts_event for edge in edges)
    best: dict[str | None, Candidate] = {}
    for edge in edges:
        if edge.ts_event == ts_event:
            for venue, each in edge.candidates.items():
                best[venue] = _outer(direction, venue, best.get(venue, each), each)
    return Edge(ts_event, best)


def _outer(direction: int, venue: str | None, one: Candidate, other: Candidate) -> Candidate:
    def order(each: Candidate) -> tuple[int, ...]:
        return each.place if venue is None else (each.sequence, *each.place)

    return (min if direction < 0 else max)(one, other, key=order)


@dataclass(frozen=True)
class Track:
    """The first, last, highest and lowest price of some trades."""

    first: Edge
    high: int
    low: int
    last: Edge

    @classmethod
    def merged(cls, tracks: "Iterable[Track | None]") -> "Track | None":
        """All of these as one; None of none."""
        present = [track for track in tracks if track]
        first = outermost(-1, (track.first for track in present))
        last = outermost(1, (track.last for track in present))
        if first is None or last is None:
            return None
        return cls(first, max(track.high for track in present), min(track.low for track in present), last)

    @property
    def visible(self) -> tuple[int, ...]:
        """What a longer window makes of it."""
        return self.first.ts_event, self.first.price(-1), self.high, self.low, self.last.ts_event, self.last.price(1)


Tracks = dict[Effects, Track]
"""The prices of the trades of a bar by what they may update; none of what sets no price."""


@dataclass(frozen=True)
class Irregular:
    """The trades whose sale conditions do not let them set every price. Times in nanoseconds."""

    first_ts_event: int
    last_ts_event: int
    tracks: Tracks = field(default_factory=dict)

    @classmethod
    def merged(cls, parts: "Iterable[Irregular | None]") -> "Irregular | None":
        """All of these as one; None of none."""
        present = [part for part in parts if part]
        effects = {each for part in present for each in part.tracks}
        tracks = {each: Track.merged(part.tracks.get(each) for part in present) for each in effects}
        if not present:
            return None
        first, last = min(part.first_ts_event for part in present), max(part.last_ts_event for part in present)
        return cls(first, last, {each: track for each, track in tracks.items() if track})


class Prices(NamedTuple):
    """What a candle shows, None where no trade may set it."""

    open: int | None
    high: int | None
    low: int | None
    close: int | None


def prices(tracks: Tracks, trade_count: int, *, extended_hours: bool) -> Prices:
    """The prices of a candle of so many trades, judged for this very candle.

    Trades of extended hours count only when they may, and only in a candle whose open and close no trade of regular
    hours sets.
    """
    regular_hours = {effects: track for effects, track in tracks.items() if not effects.extended_hours}
    shown = _judged(regular_hours, trade_count)
    return _judged(tracks, trade_count) if extended_hours and shown.open is None else shown


def _judged(tracks: Tracks, trade_count: int) -> Prices:
    open_close = _eligible(tracks, lambda effects: effects.open_close, trade_count)
    high_low = _eligible(tracks, lambda effects: effects.high_low, trade_count)
    return Prices(
        open_close.first.price(-1) if open_close else None,
        high_low.high if high_low else None,
        high_low.low if high_low else None,
        open_close.last.price(1) if open_close else None,
    )


def _eligible(tracks: Tracks, when: Callable[[Effects], When], trade_count: int) -> Track | None:
    only = When.IF_ONLY if trade_count == 1 else When.ALWAYS
    always = Track.merged(track for effects, track in tracks.items() if when(effects) in (When.ALWAYS, only))
    if_first = Track.merged(track for effects, track in tracks.items() if when(effects) == When.IF_FIRST)
    return _with_first(always, if_first) if if_first else always


def _with_first(always: Track | None, conditional: Track) -> Track | None:
    """Also the first of the conditional trades, when it comes before all others."""
    first = outermost(-1, [conditional.first, *([always.first] if always else [])])
    assert first is not None
    venue, leader = first.leader(-1)
    if leader.place not in {each.place for each in conditional.first.candidates.values()}:
        return always
    edge = Edge(first.ts_event, {venue: leader})
    return Track.merged([always, Track(first, leader.price, leader.price, always.last if always else edge)])
