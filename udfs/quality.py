"""How good a minute of a symbol is: the facts about it, and the measures that follow from them.

A measure is a share from 0 to 1, or None where nothing can be said. The score is the lowest of them: missing trades are
not made up for by punctuality.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from udfs.accumulator import NANOS_PER_MILLI, Accumulator

SECOND_NS = 10**9
MINUTE_NS = 60 * SECOND_NS
HISTORY_MS = 24 * 3_600_000
"""What is read so long after it happened is a replay, not late."""
FINDINGS_MAX = 8
POOR = 0.95
"""A score below this is a reason to look."""
PRICES = ("open", "high", "low", "close")
COMPARED = (*PRICES, "volume")


@dataclass(frozen=True)
class Version:
    """A candle as it was last published; `lag_ms` from its last trade until the first version of it was read."""

    revision: int
    accumulator: Accumulator
    lag_ms: int | None = None


@dataclass
class Minute:
    """What is known of a minute. `reference` are the fields COMPARED of another feed's candle."""

    start: int
    candle: Version | None = None
    seconds: dict[int, Version] = field(default_factory=dict)
    rejected: int = 0
    flagged: int = 0
    late: int = 0
    received: int | None = None
    missing: int = 0
    reference: tuple[Decimal | None, ...] | None = None

    @property
    def last_second(self) -> int | None:
        """Start of the second that holds the candle's last trade."""
        last = self.candle.accumulator.last_ts_event if self.candle else None
        return None if last is None else last - last % SECOND_NS

    @property
    def is_complete(self) -> bool:
        """Whether the seconds have come that the candle says there are."""
        return self.candle is not None and (self.last_second is None or self.last_second in self.seconds)


def judge(symbol: str, minute: Minute, timely_ms: int) -> dict[str, Any]:
    """The record of schemas/quality.avsc, without its revision."""
    total = minute.candle.accumulator if minute.candle else Accumulator()
    trades, duplicates = total.trade_count, total.duplicate_count
    lags = sorted(each.lag_ms for each in minute.seconds.values() if each.lag_ms is not None)
    wrong, checks = inconsistencies(symbol, minute)
    different = differences(symbol, minute)
    measures = {
        "completeness": None if minute.received is None else share(minute.received, minute.received + minute.missing),
        "uniqueness": share(trades, trades + duplicates),
        "validity": share(max(0, trades + duplicates - minute.flagged), trades + duplicates + minute.rejected),
        "timeliness": share(sum(lag <= timely_ms for lag in lags), len(lags)),
        "consistency": share(checks - len(wrong), checks),
        "accuracy": None if different is None else share(len(COMPARED) - len(different), len(COMPARED)),
    }
    return {
        "symbol": symbol,
        "window_start": minute.start,
        "window_end": minute.start + MINUTE_NS,
        "trades": trades,
        "duplicates": duplicates,
        "rejected": minute.rejected,
        "flagged": minute.flagged,
        "late": minute.late,
        "missing": None if minute.received is None else minute.missing,
        "lag_p50_ms": quantile(lags, 50),
        "lag_p99_ms": quantile(lags, 99),
        **measures,
        "score": min((each for each in measures.values() if each is not None), default=None),
        "finding": "; ".join([*wrong, *(different or [])][:FINDINGS_MAX]) or None,
    }


def share(part: int, whole: int) -> float | None:
    """part / whole, None of nothing."""
    return part / whole if whole else None


def quantile(ordered: list[int], percent: int) -> int | None:
    """By the nearest rank, None of nothing."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else None


def lag_ms(last_ts_event: int | None, now_ms: int) -> int | None:
    """From a trade until now; None for what is history."""
    lag = None if last_ts_event is None else now_ms - last_ts_event // NANOS_PER_MILLI
    return None if lag is None or lag > HISTORY_MS else lag


def inconsistencies(symbol: str, minute: Minute) -> tuple[list[str], int]:
    """What does not hold, and how many checks were made."""
    if minute.candle is None:
        return [], 0
    added_up = Accumulator.merged(each.accumulator.rolled_up() for each in minute.seconds.values())
    whole = minute.candle.accumulator
    wrong = (
        [] if added_up.visible == whole.visible else [f"the seconds hold {_text(added_up)}, the minute {_text(whole)}"]
    )
    candles = {"1m": whole, **{f"second {_second(start)}": each.accumulator for start, each in minute.seconds.items()}}
    wrong += [f"the prices of {name} are not in order" for name, each in candles.items() if not _ordered(symbol, each)]
    return wrong, 1 + len(candles)


def differences(symbol: str, minute: Minute) -> list[str] | None:
    """In which fields the candle differs from the reference; None without a reference."""
    if minute.reference is None:
        return None
    ours = _shown(symbol, minute.candle.accumulator) if minute.candle else dict.fromkeys(COMPARED)
    pairs = zip(COMPARED, minute.reference, strict=True)
    return [
        f"{name} {_plain(ours[name])}, reference {_plain(theirs)}" for name, theirs in pairs if ours[name] != theirs
    ]


def changed(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> bool:
    """Whether a record says something else than the one published."""
    return before is None or any(before.get(name) != value for name, value in after.items())


def _ordered(symbol: str, accumulator: Accumulator) -> bool:
    """Trades with conditions may set a close that is no high: only regular ones are judged."""
    shown = _shown(symbol, accumulator)
    prices = [shown[name] for name in PRICES]
    if accumulator.irregular is not None or None in prices:
        return True
    first, high, low, last = prices
    return bool(low <= min(first, last) and max(first, last) <= high)


def _shown(symbol: str, accumulator: Accumulator) -> dict[str, Any]:
    return accumulator.candle(symbol, "1m", (0, MINUTE_NS), 0, None)


def _text(accumulator: Accumulator) -> str:
    shown = _shown("", accumulator)
    return f"{accumulator.trade_count} trades " + " ".join(f"{name} {_plain(shown[name])}" for name in COMPARED)


def _plain(amount: Decimal | None) -> str:
    return "none" if amount is None else f"{amount.normalize():f}"


def _second(start: int) -> str:
    return f"{start // SECOND_NS % 60:02d}"


def minute_of(ts: int) -> int:
    """Start of the minute of a time, both in nanoseconds."""
    return ts - ts % MINUTE_NS


def reference(text: str) -> tuple[Decimal | None, ...]:
    """The fields COMPARED, as jobs/quality.py joins them: `1.5|2|1|2|10`, empty where there is none."""
    return tuple(Decimal(each) if each else None for each in text.split("|"))
