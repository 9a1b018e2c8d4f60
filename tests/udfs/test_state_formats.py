"""The bytes that releases have left in the state of Python steps are read by this one.

To change a format is to give it another version, and to leave these here.
"""

from base64 import b64encode
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from udfs import quality, quality_state, session_state, sessions
from udfs.accumulator import of_trade
from udfs.market_status import MarketState
from udfs.quality import Version
from udfs.quality_state import Clock
from udfs.sequences import Hole, Series
from udfs.session_state import Watch
from udfs.sessions import Ledger, Window

ACCUMULATOR = of_trade(1_700_000_000_000_000_007, 10**12, 5 * 10**11, (42, 3), "X", 9)
OF_VERSION_2 = bytes.fromhex(
    "0217979cfe362a000700010000000000000000000000e8d4a510000001580000000000000009000000000000002a000000030000"
    "000000000000000000e8d4a510000000000000000000000000e8d4a5100017979cfe362a000700010000000000000000000000e8"
    "d4a510000001580000000000000009000000000000002a000000030000000000000000000000746a528800000a69e10de76676d0"
    "80000000000000000000010000000000000000800000000000000000000100000003000000000000002a000000000000002a"
)
TEXT = b64encode(OF_VERSION_2)
HOLES = [Hole(3, 4, 5, 6, reported=True)]
STATE = MarketState(1, 2, "regular", 3, ("open", "2026-01-05"))
MINUTE = quality.Minute(60, Version(1, ACCUMULATOR), {}, 1, 2, 3, 4, 5, (Decimal("1.5"), None))

KEPT: dict[str, tuple[Callable[[bytes], Any], bytes, Any]] = {
    "a second of the quality job, version 1": (
        lambda data: quality_state.read_second(0, data),
        bytes.fromhex("0100000002000000000000000f") + OF_VERSION_2,
        Version(2, ACCUMULATOR, 15),
    ),
    "a minute of the quality job, version 1": (
        lambda data: quality_state.read_minute(60, data),
        b'{"version": 1, "candle": [1, "' + TEXT + b'"], "counts": {"rejected": 1, "flagged": 2, "late": 3, '
        b'"received": 4, "missing": 5}, "reference": ["1.5", null], "published": {"symbol": "A"}}',
        (MINUTE, {"symbol": "A"}),
    ),
    "a clock of the quality job, version 1": (
        quality_state.read_clock,
        b'{"version": 1, "second": 1, "minute": 2, "trades": 3, "forgotten": 4, "seen_ms": 5}',
        Clock(1, 2, 3, 4, 5),
    ),
    "a series of the quality job, version 1": (
        lambda data: quality_state.read_series("X", data),
        b'{"version": 1, "last": 9, "newest": 8, "holes": [{"first": 3, "last": 4, "since": 5, "until": 6, '
        b'"reported": true}]}',
        Series(9, 8, HOLES),
    ),
    "a minute of the session job, version 1": (
        lambda data: session_state.read_minute(60, data),
        bytes.fromhex("010000000100046c617465") + OF_VERSION_2,
        sessions.Minute(60, 1, "late", ACCUMULATOR),
    ),
    "a ledger of the session job, version 1": (
        session_state.read_ledger,
        b'{"version": 1, "forgotten": 4, "published": [["session", 1, 2, 3]]}',
        Ledger({Window("session", 1, 2): 3}, 4),
    ),
    "a watch of the session job, version 1": (
        session_state.read_watch,
        b'{"version": 1, "state": {"clock": 1, "last_candle_end": 2, "phase": "regular", "phase_since": 3, '
        b'"said": ["open", "2026-01-05"]}, "seen_ms": 4, "wake_ms": 5}',
        Watch(STATE, 4, 5),
    ),
}


@pytest.mark.parametrize("kept", KEPT)
def test_what_a_release_has_left_in_state_is_read(kept: str) -> None:
    read, data, meant = KEPT[kept]
    assert read(data) == meant


@pytest.mark.parametrize("kept", KEPT)
def test_what_a_later_release_has_left_is_refused_by_its_version(kept: str) -> None:
    read, data, _ = KEPT[kept]
    later = data.replace(b'"version": 1', b'"version": 9') if data.startswith(b"{") else b"\x09" + data[1:]
    with pytest.raises(ValueError, match="written in format 9, this version reads 1"):
        read(later)
