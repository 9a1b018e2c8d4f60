"""What the quality job remembers of a symbol, as bytes for Flink's state."""

import json
import struct
from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from udfs.accumulator import Accumulator
from udfs.quality import Minute, Version
from udfs.sequences import Hole, Series

STATE_VERSION = 1
SECOND = struct.Struct(">Biq")
COUNTS = ("rejected", "flagged", "late", "received", "missing")
NO_LAG = -(2**63)


@dataclass
class Clock:
    """How far a symbol's data has come: nanoseconds of its own time, and milliseconds of the wall clock."""

    second: int = 0
    """Start of the latest minute of which a second came."""
    minute: int = 0
    """Start of the latest minute whose candle came."""
    trades: int = 0
    """Start of the latest minute of which trades were read."""
    forgotten: int = 0
    """Minutes that ended by then are no longer known."""
    seen_ms: int = 0
    """When the last numbered message came."""

    @property
    def newest(self) -> int:
        """Where the slowest of them is: it may be hours behind the others when the job catches up."""
        return min(self.second, self.minute, self.trades)


def second_bytes(version: Version) -> bytes:
    """The version of a second."""
    lag = NO_LAG if version.lag_ms is None else version.lag_ms
    return SECOND.pack(STATE_VERSION, version.revision, lag) + version.accumulator.to_bytes()


def read_second(_start: int, data: bytes) -> Version:
    """As `second_bytes` wrote it."""
    version, revision, lag = SECOND.unpack_from(data)
    _check(version)
    return Version(revision, Accumulator.from_bytes(data[SECOND.size :]), None if lag == NO_LAG else lag)


def minute_bytes(minute: tuple[Minute, dict[str, Any] | None]) -> bytes:
    """A minute, without its seconds, and the record that was published of it."""
    facts, published = minute
    candle = facts.candle
    stored = {
        "version": STATE_VERSION,
        "candle": candle and [candle.revision, b64encode(candle.accumulator.to_bytes()).decode()],
        "counts": {name: getattr(facts, name) for name in COUNTS},
        "reference": facts.reference and [None if each is None else str(each) for each in facts.reference],
        "published": published,
    }
    return json.dumps(stored).encode()


def read_minute(start: int, data: bytes) -> tuple[Minute, dict[str, Any] | None]:
    """As `minute_bytes` wrote it."""
    stored = _stored(data)
    candle, reference = stored["candle"], stored["reference"]
    minute = Minute(
        start,
        candle and Version(candle[0], Accumulator.from_bytes(b64decode(candle[1]))),
        {},
        reference=reference and tuple(None if each is None else Decimal(each) for each in reference),
        **stored["counts"],
    )
    return minute, stored["published"]


def clock_bytes(clock: Clock) -> bytes:
    """All of it."""
    return json.dumps({"version": STATE_VERSION, **asdict(clock)}).encode()


def read_clock(data: bytes | None) -> Clock:
    """As `clock_bytes` wrote it; at its beginning when there is nothing yet."""
    return Clock(**_stored(data)) if data else Clock()


def series_bytes(series: Series) -> bytes:
    """All of it."""
    return json.dumps({"version": STATE_VERSION, **asdict(series)}).encode()


def read_series(_venue: str, data: bytes) -> Series:
    """As `series_bytes` wrote it."""
    stored = _stored(data)
    return Series(**{**stored, "holes": [Hole(**hole) for hole in stored["holes"]]})


def _stored(data: bytes) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(data)
    _check(stored.pop("version"))
    return stored


def _check(version: int) -> None:
    if version != STATE_VERSION:
        raise ValueError(f"state written in format {version}, this version reads {STATE_VERSION}")
