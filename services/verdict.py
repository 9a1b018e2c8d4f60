"""Compares committed candles with expected ones, and says in a paragraph what was found."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from services.oracle import SECOND_NS, CandleKey, ExpectedCandle

SHOWN = 5
"""How many findings of a kind a summary shows."""


class Difference(NamedTuple):
    """A field of a candle that is not what it must be."""

    key: CandleKey
    field: str
    expected: object
    committed: object


@dataclass(frozen=True)
class Verdict:
    """What a comparison found. Every list is in the order of the keys."""

    equal: int
    differing: list[Difference]
    missing: list[CandleKey]
    unexpected: list[CandleKey]
    twice: list[CandleKey]

    @property
    def holds(self) -> bool:
        """Whether every expected candle is there once, equal in every field, and no other."""
        return not (self.differing or self.missing or self.unexpected or self.twice)

    def summary(self) -> str:
        """One line with the counts, then the first few findings of each kind, one a line."""
        wrong = len({difference.key for difference in self.differing})
        counts = (
            f"{self.equal:,} candles equal, {wrong:,} differing, {len(self.missing):,} missing, "
            f"{len(self.unexpected):,} unexpected, {len(self.twice):,} twice"
        )
        return "\n".join([f"{'all equal' if self.holds else 'NOT EQUAL'}: {counts}", *self._findings()])

    def _findings(self) -> list[str]:
        differing = [
            f"{_name(found.key)} {found.field}: expected {found.expected}, committed {found.committed}"
            for found in self.differing
        ]
        kinds = {"differing": differing} | {
            kind: [_name(key) for key in keys]
            for kind, keys in (
                ("missing", self.missing),
                ("unexpected", self.unexpected),
                ("twice", self.twice),
            )
        }
        return [f"  {kind}: {finding}" for kind, findings in kinds.items() for finding in findings[:SHOWN]]


def compare(expected: Mapping[CandleKey, ExpectedCandle], committed: Iterable[Mapping[str, Any]]) -> Verdict:
    """Compare with candle records as in schemas/candle.avsc; of a candle's revisions the highest is compared.

    A candle is `twice` there when two records share its key and revision.
    """
    latest: dict[CandleKey, Mapping[str, Any]] = {}
    copies: Counter[tuple[CandleKey, int]] = Counter()
    for record in committed:
        key = CandleKey.of(record)
        copies[key, record["revision"]] += 1
        if key not in latest or latest[key]["revision"] < record["revision"]:
            latest[key] = record
    differing = [
        difference
        for key in sorted(expected.keys() & latest.keys())
        for difference in _differences(key, expected[key], latest[key])
    ]
    return Verdict(
        equal=len(expected.keys() & latest.keys()) - len({difference.key for difference in differing}),
        differing=differing,
        missing=sorted(expected.keys() - latest.keys()),
        unexpected=sorted(latest.keys() - expected.keys()),
        twice=sorted({key for (key, _), count in copies.items() if count > 1}),
    )


def _differences(key: CandleKey, candle: ExpectedCandle, record: Mapping[str, Any]) -> list[Difference]:
    return [
        Difference(key, name, value, record[name]) for name, value in candle._asdict().items() if record[name] != value
    ]


def _name(key: CandleKey) -> str:
    start = datetime.fromtimestamp(key.window_start // SECOND_NS, UTC)
    return f"{key.symbol} {key.resolution} {start:%Y-%m-%dT%H:%M:%SZ}"
