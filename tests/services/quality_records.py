"""Records of the quality job, as tests write them: minutes by number, everything perfect unless it is said."""

from typing import Any

from schemas.models import Quality, QualityEvent

MINUTE = 60 * 10**9
PERFECT = dict.fromkeys(("completeness", "uniqueness", "validity", "timeliness", "consistency"), 1.0)


def minute(number: int, symbol: str = "A", **fields: Any) -> Quality:
    """A minute of 100 trades, 10 ms late at the median and 20 ms at the 99th percentile."""
    start = number * MINUTE
    counts = {"trades": 100, "duplicates": 0, "rejected": 0, "flagged": 0, "late": 0, "missing": 0}
    lags = {"lag_p50_ms": 10, "lag_p99_ms": 20}
    found = {"revision": 0, **counts, **lags, **PERFECT, **fields}
    known = [found[name] for name in (*PERFECT, "accuracy") if found.get(name) is not None]
    found.setdefault("score", min(known, default=None))
    return Quality(symbol=symbol, window_start=start, window_end=start + MINUTE, **found)


def gap(first: int, last: int, at: int = 0, *, kind: str = "gap", symbol: str = "A", venue: str = "V") -> QualityEvent:
    """Numbers missing between a trade at `at` minutes and one a minute later."""
    return QualityEvent(
        symbol=symbol,
        kind=kind,
        venue=venue,
        ts_event=at * MINUTE,
        ts_until=(at + 1) * MINUTE,
        first_sequence=first,
        last_sequence=last,
    )


def filled(first: int, last: int, at: int = 0, *, symbol: str = "A", venue: str = "V") -> QualityEvent:
    """Numbers that came after all."""
    return gap(first, last, at, kind="gap_filled", symbol=symbol, venue=venue)
