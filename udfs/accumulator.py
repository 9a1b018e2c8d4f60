"""The accumulator of a candle: a commutative monoid, the Python twin of udfs/jvm/tickloom/Accumulator.java.

Every published candle carries one in its field `accumulator`. Merged in any order, those of shorter windows give
that of the longer one. For bar-rate work: revisions, sessions, quality. Amounts are unscaled integers.
"""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple, Self

from schemas.exact import unscaled
from schemas.models import NOTIONAL, PRICE
from udfs.sources import Range, Sources, union

VERSION = 1
ALWAYS_COVERED = -(2**63)
NANOS_PER_MILLI = 1_000_000


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

    def price(self, direction: int) -> int:
        """Of the candidate with the outermost place: direction -1 for the open, 1 for the close."""
        places = sorted(self.candidates.values(), key=lambda each: each.place)
        return places[0 if direction < 0 else -1].price


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
class Accumulator:
    """What is known of a candle. Prices and volume in 10^-12, notional in 10^-24; no trades, no prices."""

    open: Edge | None = None
    high: int = 0
    low: int = 0
    close: Edge | None = None
    volume: int = 0
    notional: int = 0
    trade_count: int = 0
    duplicate_count: int = 0
    covered_from_ms: int = ALWAYS_COVERED
    sources: Sources = field(default=())
    """Of one second; roll-ups carry none."""

    @classmethod
    def merged(cls, parts: Iterable["Accumulator"]) -> Self:
        """All of these as one."""
        parts = list(parts)
        traded = [part for part in parts if part.trade_count]
        return cls(
            open=outermost(-1, (part.open for part in traded if part.open)),
            high=max((part.high for part in traded), default=0),
            low=min((part.low for part in traded), default=0),
            close=outermost(1, (part.close for part in traded if part.close)),
            volume=sum(part.volume for part in traded),
            notional=sum(part.notional for part in traded),
            trade_count=sum(part.trade_count for part in traded),
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
    def visible(self) -> tuple[Any, ...]:
        """What a reader of the candle acts on: two accumulators that agree in it need no revision between them."""
        if not self.trade_count or self.open is None or self.close is None:
            return (0,)
        edges = (self.open.ts_event, self.open.price(-1), self.close.ts_event, self.close.price(1))
        return (self.trade_count, *edges, self.high, self.low, self.volume, self.notional)

    def to_bytes(self) -> bytes:
        """The bytes that the JVM core reads and writes."""
        return b"".join(
            (
                struct.pack(">B", VERSION),
                _edge_bytes(self.open),
                _int128(self.high),
                _int128(self.low),
                _edge_bytes(self.close),
                _int128(self.volume),
                _notional_bytes(self.notional),
                struct.pack(">qqq", self.trade_count, self.duplicate_count, self.covered_from_ms),
                struct.pack(">h", len(self.sources)),
                *(struct.pack(">iqq", *each) for each in self.sources),
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Reads what `to_bytes` or the JVM core wrote. Raises ValueError for another version of the format."""
        if data[0] != VERSION:
            raise ValueError(f"accumulator written in format {data[0]}, this version reads {VERSION}")
        bytes_ = _Reader(data, 1)
        open_, high, low = bytes_.edge(), bytes_.int128(), bytes_.int128()
        close, volume, notional = bytes_.edge(), bytes_.int128(), bytes_.notional()
        trade_count, duplicate_count, covered_from_ms = bytes_.take(">qqq")
        sources = tuple(Range(*bytes_.take(">iqq")) for _ in range(*bytes_.take(">h")))
        return cls(open_, high, low, close, volume, notional, trade_count, duplicate_count, covered_from_ms, sources)

    @classmethod
    def of_candle(cls, record: Mapping[str, Any]) -> Self:
        """That of a candle, or of what it shows when it carries none: then the trades at its edges are unknown."""
        if record["accumulator"] is not None:
            return cls.from_bytes(record["accumulator"])
        return cls(
            _shown_edge(record["first_ts_event"], record["open"]),
            unscaled(record["high"] or Decimal(0)),
            unscaled(record["low"] or Decimal(0)),
            _shown_edge(record["last_ts_event"], record["close"]),
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
        return {
            "symbol": symbol,
            "resolution": resolution,
            "window_start": start,
            "window_end": end,
            "open": _amount(self.open.price(-1)) if self.open else None,
            "high": _amount(self.high) if self.open else None,
            "low": _amount(self.low) if self.open else None,
            "close": _amount(self.close.price(1)) if self.close else None,
            "volume": _amount(self.volume),
            "vwap": _vwap(self.notional, self.volume),
            "notional": _decimal(self.notional, NOTIONAL.scale)
            if abs(self.notional) < 10**NOTIONAL.precision
            else None,
            "trade_count": self.trade_count,
            "duplicate_count": self.duplicate_count,
            "first_ts_event": self.open.ts_event if self.open else None,
            "last_ts_event": self.close.ts_event if self.close else None,
            "complete": self.covered_from_ms <= start // NANOS_PER_MILLI,
            "revision": revision,
            "revision_reason": reason,
            "accumulator": self.to_bytes(),
        }


def of_trade(
    ts_event: int, price: int, size: int, place: tuple[int, int], venue: str | None = None, sequence: int | None = None
) -> Accumulator:
    """The accumulator of one trade at (offset, partition)."""
    offset, partition = place
    numbered = venue or "" if sequence is not None else None
    edge = Edge(ts_event, {numbered: Candidate(sequence or 0, offset, partition, price)})
    return Accumulator(edge, price, price, edge, size, price * size, 1, sources=(Range(partition, offset, offset),))


def _shown_edge(ts_event: int | None, price: Decimal | None) -> Edge | None:
    return None if ts_event is None or price is None else Edge(ts_event, {None: Candidate(0, 0, 0, unscaled(price))})


def _vwap(notional: int, volume: int) -> Decimal | None:
    """notional / volume, rounded half to even at 12 digits: the only rounding of a candle."""
    return _amount(round(Fraction(notional, volume))) if volume else None


def _amount(unscaled: int) -> Decimal:
    return _decimal(unscaled, PRICE.scale)


def _decimal(unscaled: int, scale: int) -> Decimal:
    digits = tuple(map(int, str(abs(unscaled))))
    return Decimal((int(unscaled < 0), digits, -scale))  # arithmetic in the default context would round to 28 digits


def _int128(value: int) -> bytes:
    return value.to_bytes(16, "big", signed=True)


def _notional_bytes(value: int) -> bytes:
    length = value.bit_length() // 8 + 1 if value >= 0 else (value + 1).bit_length() // 8 + 1
    return struct.pack(">h", length) + value.to_bytes(length, "big", signed=True)


def _edge_bytes(edge: Edge | None) -> bytes:
    if edge is None:
        return struct.pack(">qh", 0, 0)
    parts = [struct.pack(">qh", edge.ts_event, len(edge.candidates))]
    for venue, each in edge.candidates.items():
        name = None if venue is None else venue.encode()
        parts += [_int128(each.price), struct.pack(">h", -1 if name is None else len(name)), name or b""]
        parts.append(struct.pack(">qqi", each.sequence, each.offset, each.partition))
    return b"".join(parts)


class _Reader:
    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at

    def take(self, form: str) -> tuple[int, ...]:
        found = struct.unpack_from(form, self._data, self._at)
        self._at += struct.calcsize(form)
        return found

    def raw(self, length: int) -> bytes:
        self._at += length
        return self._data[self._at - length : self._at]

    def int128(self) -> int:
        return int.from_bytes(self.raw(16), "big", signed=True)

    def notional(self) -> int:
        (length,) = self.take(">h")
        return int.from_bytes(self.raw(length), "big", signed=True)

    def edge(self) -> Edge | None:
        ts_event, count = self.take(">qh")
        candidates = dict(self._candidate() for _ in range(count))
        return Edge(ts_event, candidates) if candidates else None

    def _candidate(self) -> tuple[str | None, Candidate]:
        price = self.int128()
        (length,) = self.take(">h")
        venue = None if length < 0 else self.raw(length).decode()
        sequence, offset, partition = self.take(">qqi")
        return venue, Candidate(sequence, offset, partition, price)
