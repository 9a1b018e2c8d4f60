"""What the quality job said of some minutes, as one: counts added up, measures over all of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import floor, fsum
from statistics import median

from schemas.models import Quality

MEASURES = ("completeness", "uniqueness", "validity", "timeliness", "consistency", "accuracy")
COUNTS = ("trades", "duplicates", "rejected", "flagged", "late")


@dataclass(frozen=True)
class Summary:
    """The minutes of a symbol, or of all: counts added up, a measure as a share from 0 to 1 of all of them.

    Uniqueness and validity are computed anew from the counts. Completeness is the mean of the minutes, each weighing as
    many messages as it should have; of the other measures every minute weighs the same. None is what no minute knows.
    """

    symbol: str
    minutes: int
    trades: int
    duplicates: int
    rejected: int
    flagged: int
    late: int
    missing: int | None
    completeness: float | None
    uniqueness: float | None
    validity: float | None
    timeliness: float | None
    consistency: float | None
    accuracy: float | None
    lag_p50_ms: int | None
    """Median of the minutes' medians."""
    lag_p99_ms: int | None
    """Of the worst minute."""

    @property
    def score(self) -> float | None:
        """The lowest of the measures that are known."""
        return min((share for _, share in known_measures(self)), default=None)

    @property
    def lowest(self) -> str | None:
        """Name of that measure, None where it is perfect or nothing is known."""
        return lowest_measure(self)


def summary(symbol: str, minutes: Sequence[Quality]) -> Summary:
    """The minutes as one."""
    counts = {name: sum(getattr(minute, name) for minute in minutes) for name in COUNTS}
    medians = [minute.lag_p50_ms for minute in minutes if minute.lag_p50_ms is not None]
    missing = [minute.missing for minute in minutes if minute.missing is not None]
    return Summary(
        symbol=symbol,
        minutes=len(minutes),
        **counts,
        missing=sum(missing) if missing else None,
        completeness=_mean([(minute.completeness, minute.trades + (minute.missing or 0)) for minute in minutes]),
        uniqueness=_share(counts["trades"], counts["trades"] + counts["duplicates"]),
        validity=_validity(**counts),
        timeliness=_mean([(minute.timeliness, 1) for minute in minutes]),
        consistency=_mean([(minute.consistency, 1) for minute in minutes]),
        accuracy=_mean([(minute.accuracy, 1) for minute in minutes]),
        lag_p50_ms=round(median(medians)) if medians else None,
        lag_p99_ms=max((minute.lag_p99_ms for minute in minutes if minute.lag_p99_ms is not None), default=None),
    )


def known_measures(judged: Summary | Quality) -> Iterator[tuple[str, float]]:
    """Name and share of the measures that are known."""
    for name in MEASURES:
        share = getattr(judged, name)
        if share is not None:
            yield name, share


def lowest_measure(judged: Summary | Quality) -> str | None:
    """Name of the measure that is lowest, None where all are perfect or none is known."""
    name, share = min(known_measures(judged), key=lambda found: found[1], default=(None, 1.0))
    return name if share < 1 else None


def percent(share: float) -> str:
    """A share as a percentage with two decimals, rounded down: only 1 is 100.00."""
    hundredths = floor(round(share * 10_000, 6))
    return f"{min(hundredths, 9_999 if share < 1 else 10_000) / 100:.2f}"


def _validity(trades: int, duplicates: int, rejected: int, flagged: int, late: int) -> float | None:
    broken = rejected + flagged
    # Rejected and flagged count by Kafka's timestamp, trades by their own: at the edge of a period they may be more.
    every = max(trades + duplicates + rejected, broken)
    return _share(every - broken, every)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _mean(weighted: Iterable[tuple[float | None, int]]) -> float | None:
    """The mean of (share, weight); where nothing has a weight, each weighs the same."""
    known = [(share, weight) for share, weight in weighted if share is not None]
    weight = sum(weight for _, weight in known)
    if weight:
        return fsum(share * each for share, each in known) / weight
    return fsum(share for share, _ in known) / len(known) if known else None
