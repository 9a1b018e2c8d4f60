"""The bytes in which session candles are kept in state; each says in its beginning which version wrote it.

Flink sees them as opaque and cannot migrate them: what changes here gets a version of its own, and reads this one.
"""

import json
import struct
from dataclasses import asdict, dataclass

from udfs.accumulator import Accumulator
from udfs.market_status import MarketState
from udfs.sessions import Ledger, Minute, Window

VERSION = 1
MINUTE = struct.Struct(">Bih")
NO_REASON = -1


class StateVersionError(ValueError):
    """State that another version of Tickloom wrote."""


def minute_bytes(minute: Minute) -> bytes:
    """A minute, but for its start, which is its key."""
    reason = (minute.reason or "").encode()
    length = NO_REASON if minute.reason is None else len(reason)
    return MINUTE.pack(VERSION, minute.revision, length) + reason + minute.accumulator.to_bytes()


def read_minute(start: int, data: bytes) -> Minute:
    """What `minute_bytes` wrote. Raises StateVersionError for another version of the format."""
    version, revision, length = MINUTE.unpack_from(data)
    _check(version)
    end = MINUTE.size + max(length, 0)
    reason = None if length == NO_REASON else data[MINUTE.size : end].decode()
    return Minute(start, revision, reason, Accumulator.from_bytes(data[end:]))


def ledger_bytes(ledger: Ledger) -> bytes:
    """A ledger as JSON."""
    published = [[*window, revision] for window, revision in ledger.published.items()]
    return json.dumps({"version": VERSION, "forgotten": ledger.forgotten, "published": published}).encode()


def read_ledger(data: bytes | None) -> Ledger:
    """What `ledger_bytes` wrote, a new one for None. Raises StateVersionError for another version of the format."""
    if data is None:
        return Ledger()
    found = json.loads(data)
    _check(found["version"])
    return Ledger({Window(*window): revision for *window, revision in found["published"]}, found["forgotten"])


@dataclass
class Watch:
    """A symbol's market, when its last candle was seen by the wall clock, and when to look at it again."""

    state: MarketState | None = None
    seen_ms: int = 0
    wake_ms: int | None = None


def watch_bytes(watch: Watch) -> bytes:
    """A watch as JSON."""
    return json.dumps({"version": VERSION, **asdict(watch)}).encode()


def read_watch(data: bytes | None) -> Watch:
    """What `watch_bytes` wrote, a new one for None. Raises StateVersionError for another version of the format."""
    if data is None:
        return Watch()
    found = json.loads(data)
    _check(found["version"])
    state = found["state"]
    said = tuple(state.pop("said") or ()) if state else ()
    known = MarketState(**state, said=said or None) if state else None
    return Watch(known, found["seen_ms"], found["wake_ms"])


def _check(version: int) -> None:
    if version != VERSION:
        raise StateVersionError(f"session state written in format {version}, this version reads {VERSION}")
