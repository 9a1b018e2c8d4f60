"""The bytes of an accumulator's parts, as the JVM core writes and reads them: big-endian, texts and sets counted."""

import struct

from udfs.effects import Effects
from udfs.tracks import Candidate, Edge, Irregular, Track


def int128(value: int) -> bytes:
    """A price or volume."""
    return value.to_bytes(16, "big", signed=True)


def integer(value: int) -> bytes:
    """A notional, of any length."""
    length = value.bit_length() // 8 + 1 if value >= 0 else (value + 1).bit_length() // 8 + 1
    return struct.pack(">h", length) + value.to_bytes(length, "big", signed=True)


def _edge(edge: Edge | None) -> bytes:
    if edge is None:
        return struct.pack(">qh", 0, 0)
    parts = [struct.pack(">qh", edge.ts_event, len(edge.candidates))]
    for venue, each in edge.candidates.items():
        name = None if venue is None else venue.encode()
        parts += [int128(each.price), struct.pack(">h", -1 if name is None else len(name)), name or b""]
        parts.append(struct.pack(">qqi", each.sequence, each.offset, each.partition))
    return b"".join(parts)


def track(written: Track | None) -> bytes:
    """A track, or its absence."""
    if written is None:
        return _edge(None) + int128(0) + int128(0) + _edge(None)
    return _edge(written.first) + int128(written.high) + int128(written.low) + _edge(written.last)


def irregular(written: Irregular | None) -> bytes:
    """The irregular trades, or their absence."""
    if written is None:
        return struct.pack(">?", False)
    head = struct.pack(">?qqB", True, written.first_ts_event, written.last_ts_event, len(written.tracks))
    tracks = sorted(written.tracks.items(), key=lambda each: each[0].bits)
    return head + b"".join(struct.pack(">B", effects.bits) + track(each) for effects, each in tracks)


class Reader:
    """Reads these, one after the other."""

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

    def integer(self) -> int:
        (length,) = self.take(">h")
        return int.from_bytes(self.raw(length), "big", signed=True)

    def track(self) -> Track | None:
        first, high, low, last = self._edge(), self.int128(), self.int128(), self._edge()
        return Track(first, high, low, last) if first and last else None

    def irregular(self) -> Irregular | None:
        (present,) = self.take(">?")
        if not present:
            return None
        first, last, count = self.take(">qqB")
        read = [(Effects.of_bits(*self.take(">B")), self.track()) for _ in range(count)]
        return Irregular(first, last, {effects: each for effects, each in read if each})

    def _edge(self) -> Edge | None:
        ts_event, count = self.take(">qh")
        candidates = dict(self._candidate() for _ in range(count))
        return Edge(ts_event, candidates) if candidates else None

    def _candidate(self) -> tuple[str | None, Candidate]:
        price = self.int128()
        (length,) = self.take(">h")
        venue = None if length < 0 else self.raw(length).decode()
        sequence, offset, partition = self.take(">qqi")
        return venue, Candidate(sequence, offset, partition, price)
