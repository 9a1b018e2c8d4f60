"""The accumulator of a candle: a commutative monoid, the Python twin of udfs/jvm/tickloom/Accumulator.java.

Every published candle carries one in its field `accumulator`. Merged in any order, those of shorter windows give
that of the longer one. For bar-rate work: revisions, sessions, quality. Amounts are unscaled integers.
"""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, Self

from schemas.exact import unscaled
from schemas.models import NOTIONAL, PRICE
from schemas.resolutions import has_extended_hours
from udfs import accumulator_bytes as as_bytes
from udfs.effects import REGULAR, Effects
from udfs.sources import Range, Sources, union
from udfs.tracks import Candidate, Edge, Irregular, Track, Tracks, prices

VERSION = 2
ALWAYS_COVERED = -(2**63)
NANOS_PER_MILLI = 1_000_000


@dataclass(frozen=True)
class Accumulator:
    """What is known of a candle. Prices and volume in 10^-12, notional in 10^-24."""

    regular: Track | None = None
    """The trades that set every price."""
    irregular: Irregular | None = None
    volume: int = 0
    notional: int = 0
    trade_count: int = 0
    duplicate_count: int = 0
    covered_from_ms: int = ALWAYS_COVERED
    sources: Sources = ()
    """Of one second; roll-ups carry none."""

    @classmethod
    def merged(cls, parts: Iterable["Accumulator"]) -> Self:
        """All of these as one."""
        parts = list(parts)
        return cls(
            regular=Track.merged(part.regular for part in parts),
            irregular=Irregular.merged(part.irregular for part in parts),
            volume=sum(part.volume for part in parts),
            notional=sum(part.notional for part in parts),
            trade_count=sum(part.trade_count for part in parts),
            duplicate_count=sum(part.duplicate_count for part in parts),
            covered_from_ms=max((part.covered_from_ms for part in parts), default=ALWAYS_COVERED),
            sources=union(each for part in parts for each in part.sources),
        )

    def merge(self, other: "Accumulator") -> "Accumulator":
        """Both as one."""
        return Accumulator.merged([self, other])

    def rolled_up(self) -> "Accumulator":
        """As a part of a longer window."""
        return replace(self, sources=())

    @property
    def tracks(self) -> Tracks:
        """All of them."""
        regular = {REGULAR: self.regular} if self.regular else {}
        return regular | (self.irregular.tracks if self.irregular else {})

    @property
    def first_ts_event(self) -> int | None:
        """Time of the first trade; None without trades."""
        regular = [self.regular.first.ts_event] if self.regular else []
        return min(regular + ([self.irregular.first_ts_event] if self.irregular else []), default=None)

    @property
    def last_ts_event(self) -> int | None:
        """Time of the last trade; None without trades."""
        regular = [self.regular.last.ts_event] if self.regular else []
        return max(regular + ([self.irregular.last_ts_event] if self.irregular else []), default=None)

    @property
    def visible(self) -> tuple[Any, ...]:
        """What readers of this or a longer candle act on: two that agree in it need no revision between them."""
        tracks = {effects: track.visible for effects, track in self.tracks.items()}
        return (self.trade_count, self.first_ts_event, self.last_ts_event, self.volume, self.notional, tracks)

    def to_bytes(self) -> bytes:
        """The bytes that the JVM core reads and writes."""
        return b"".join(
            (
                struct.pack(">B", VERSION),
                as_bytes.track(self.regular),
                as_bytes.int128(self.volume),
                as_bytes.integer(self.notional),
                struct.pack(">qqq", self.trade_count, self.duplicate_count, self.covered_from_ms),
                as_bytes.irregular(self.irregular),
                struct.pack(">h", len(self.sources)),
                *(struct.pack(">iqq", *each) for each in self.sources),
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Reads what `to_bytes` or the JVM core wrote. Raises ValueError for another version of the format."""
        if data[0] != VERSION:
            raise ValueError(f"accumulator written in format {data[0]}, this version reads {VERSION}")
        bytes_ = as_bytes.Reader(data, 1)
        regular, volume, notional = bytes_.track(), bytes_.int128(), bytes_.integer()
        trade_count, duplicate_count, covered_from_ms = bytes_.take(">qqq")
        irregular = bytes_.irregular()
        sources = tuple(Range(*bytes_.take(">iqq")) for _ in range(*bytes_.take(">h")))
        return cls(regular, irregular, volume, notional, trade_count, duplicate_count, covered_from_ms, sources)

    @classmethod
    def of_candle(cls, record: Mapping[str, Any]) -> Self:
        """That of a candle, or of what it shows when it carries none: then the trades at its edges are unknown."""
        if record["accumulator"] is not None:
            return cls.from_bytes(record["accumulator"])
        return cls(
            _shown_track(record),
            _shown_times(record),
            unscaled(record["volume"]),
            unscaled(record["notional"] or Decimal(0), NOTIONAL.scale),
            record["trade_count"],
            record["duplicate_count"],
        )

    def candle(
        self, symbol: str, resolution: str, window: tuple[int, int], revision: int, reason: str | None
    ) -> dict[str, Any]:
        """The record of schemas/candle.avsc, as jobs/candles.py projects it in SQL; window in nanoseconds."""
        start, end = window
        shown = prices(self.tracks, self.trade_count, extended_hours=has_extended_hours(resolution))
        return {
            "symbol": symbol,
            "resolution": resolution,
            "window_start": start,
            "window_end": end,
            **{name: None if price is None else _amount(price) for name, price in shown._asdict().items()},
            "volume": _amount(self.volume),
            "vwap": _vwap(self.notional, self.volume),
            "notional": _decimal(self.notional, NOTIONAL.scale)
            if abs(self.notional) < 10**NOTIONAL.precision
            else None,
            "trade_count": self.trade_count,
            "duplicate_count": self.duplicate_count,
            "first_ts_event": self.first_ts_event,
            "last_ts_event": self.last_ts_event,
            "complete": self.covered_from_ms <= start // NANOS_PER_MILLI,
            "revision": revision,
            "revision_reason": reason,
            "accumulator": self.to_bytes(),
        }


def of_trade(
    ts_event: int,
    price: int,
    size: int,
    place: tuple[int, int],
    venue: str | None = None,
    sequence: int | None = None,
    effects: Effects = REGULAR,
) -> Accumulator:
    """The accumulator of one trade at (offset, partition)."""
    offset, partition = place
    numbered = venue or "" if sequence is not None else None
    edge = Edge(ts_event, {numbered: Candidate(sequence or 0, offset, partition, price)})
    track, of_prices = Track(edge, price, price, edge), effects.of_prices
    tracks = {} if effects.sets_no_price else {of_prices: track}
    return Accumulator(
        regular=track if of_prices == REGULAR else None,
        irregular=None if of_prices == REGULAR else Irregular(ts_event, ts_event, tracks),
        volume=size * effects.volume,
        notional=price * size * effects.volume,
        trade_count=1,
        sources=(Range(partition, offset, offset),),
    )


def _shown_track(record: Mapping[str, Any]) -> Track | None:
    """Of a candle with all four prices."""
    if None in (record["open"], record["high"], record["first_ts_event"]):
        return None
    first, last = (
        Edge(record[at], {None: Candidate(0, 0, 0, unscaled(record[price]))})
        for at, price in (("first_ts_event", "open"), ("last_ts_event", "close"))
    )
    return Track(first, unscaled(record["high"]), unscaled(record["low"]), last)


def _shown_times(record: Mapping[str, Any]) -> Irregular | None:
    """Of a candle whose trades do not set all prices."""
    if record["first_ts_event"] is None or None not in (record["open"], record["high"]):
        return None
    return Irregular(record["first_ts_event"], record["last_ts_event"])


def _vwap(notional: int, volume: int) -> Decimal | None:
    """notional / volume, rounded half to even at 12 digits: the only rounding of a candle."""
    return _amount(round(Fraction(notional, volume))) if volume else None


def _amount(unscaled: int) -> Decimal:
    return _decimal(unscaled, PRICE.scale)


def _decimal(unscaled: int, scale: int) -> Decimal:
    digits = tuple(map(int, str(abs(unscaled))))
    return Decimal((int(unscaled < 0), digits, -scale))  # arithmetic in the default context would round to 28 digits
