"""The quality of a period: what the quality job says of every minute, added up by symbol."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from schemas.models import Quality, QualityEvent
from schemas.topics import EVENTS, QUALITY
from services.committed import CommittedReader
from services.quality_gaps import Gap, gaps
from services.quality_summary import Summary, percent, summary

GOOD, FAIR = 0.999, 0.95
"""Scores from here on are good, or fair; those below are poor."""
WORST_SHOWN = 20
WORST_OF_A_SYMBOL = 3
"""One outage does not fill the list of the worst minutes."""
READ_TIMEOUT_S = 600


class Period(NamedTuple):
    """Minutes within [start, end), nanoseconds since the Unix epoch, UTC; of these symbols, or of all."""

    start: int = -(2**63)
    end: int = 2**63 - 1
    symbols: frozenset[str] = frozenset()

    def names(self, symbol: str) -> bool:
        """Whether a symbol is asked for."""
        return not self.symbols or symbol in self.symbols

    def holds(self, minute: Quality) -> bool:
        """Whether the whole minute lies in it."""
        return self.start <= minute.window_start and minute.window_end <= self.end and self.names(minute.symbol)


@dataclass(frozen=True)
class Report:
    """What is known of a period."""

    minutes: list[Quality]
    """Its highest revision of every minute, by symbol and time."""
    symbols: list[Summary]
    """The lowest score first; records that name no symbol last."""
    total: Summary
    gaps: list[Gap]
    """Those that touch the period, whatever came of them."""
    events: dict[str, int]
    """How many of every other kind."""

    @property
    def start(self) -> int:
        """Start of the first minute. Raises ValueError where there is no minute."""
        return min(minute.window_start for minute in self.minutes)

    @property
    def end(self) -> int:
        """End of the last minute, exclusive. Raises ValueError where there is no minute."""
        return max(minute.window_end for minute in self.minutes)

    @property
    def open_gaps(self) -> list[Gap]:
        """Gaps of which something is still missing."""
        return [gap for gap in self.gaps if gap.open]

    @property
    def worst_minutes(self) -> list[Quality]:
        """Minutes with something wrong, the lowest score first; a few of a symbol."""
        taken: Counter[str] = Counter()
        worst = []
        for minute in sorted(self.minutes, key=lambda each: (_unknown_last(each.score), each.window_start)):
            if minute.score is not None and minute.score < 1 and taken[minute.symbol] < WORST_OF_A_SYMBOL:
                taken[minute.symbol] += 1
                worst.append(minute)
        return worst[:WORST_SHOWN]

    @property
    def verdict(self) -> str:
        """One line: how many symbols are good, the worst one, what is still missing."""
        scored = [(each.score, each) for each in self.symbols if each.symbol and each.score is not None]
        good = sum(score >= GOOD for score, _ in scored)
        parts = [f"{good:,} of {len(scored):,} symbols score {percent(GOOD)} % or better"]
        if scored and scored[0][0] < 1:
            score, worst = scored[0]
            parts.append(f"worst: {worst.symbol} {percent(score)} % ({worst.lowest})")
        missing = sum(gap.still_missing for gap in self.open_gaps)
        parts.append(f"{_count(len(self.open_gaps), 'gap')} open, {_count(missing, 'message')} missing")
        return "; ".join(parts if self.open_gaps else [*parts[:-1], "no gap open"])


def read(kafka: Mapping[str, str], registry: Mapping[str, str], period: Period) -> Report:
    """The report of what both topics hold now, committed; `kafka` and `registry` are properties of their clients.

    Raises CommittedReadError when the broker or a topic is not there, RegistryError when the registry is not.
    """
    with CommittedReader(kafka, registry, {QUALITY: "quality", EVENTS: "quality_event"}) as reader:
        return report(_records(reader), period)


def report(records: Iterable[Quality | QualityEvent], period: Period) -> Report:
    """The report of records in any order; of a minute's revisions the highest counts, of equal ones the last."""
    latest: dict[tuple[str, int], Quality] = {}
    events = []
    for record in records:
        if isinstance(record, QualityEvent):
            if period.names(record.symbol):
                events.append(record)
        elif period.holds(record):
            key = (record.symbol, record.window_start)
            if key not in latest or latest[key].revision <= record.revision:
                latest[key] = record
    minutes = [latest[key] for key in sorted(latest)]
    return Report(minutes, _by_symbol(minutes), summary("", minutes), *_happened(events, period))


def _records(reader: CommittedReader) -> Iterator[Quality | QualityEvent]:
    for each in reader.read_to_end(READ_TIMEOUT_S):
        yield (Quality if each.topic == QUALITY else QualityEvent).from_avro(each.record)


def _by_symbol(minutes: Iterable[Quality]) -> list[Summary]:
    of_symbol: dict[str, list[Quality]] = defaultdict(list)
    for minute in minutes:
        of_symbol[minute.symbol].append(minute)
    found = [summary(symbol, its_minutes) for symbol, its_minutes in of_symbol.items()]
    return sorted(found, key=lambda each: (not each.symbol, _unknown_last(each.score), each.symbol))


def _happened(events: Sequence[QualityEvent], period: Period) -> tuple[list[Gap], dict[str, int]]:
    """Gaps between trades of which one is in the period, whenever they were filled; counts of the other events."""
    touching = [gap for gap in gaps(events) if gap.ts_event < period.end and period.start <= gap.ts_until]
    within = (event.kind for event in events if period.start <= event.ts_event < period.end)
    counts = Counter(kind for kind in within if kind not in ("gap", "gap_filled"))
    return touching, dict(sorted(counts.items()))


def _unknown_last(score: float | None) -> float:
    return 2.0 if score is None else score


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
