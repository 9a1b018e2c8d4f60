"""`tickloom audit`: committed candles beside a recomputation from the raw trades, and every message's whereabouts."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka import Producer

from deploy.errors import UserError
from deploy.recomputed import Place, Recomputed, recompute
from deploy.trades_topic import Topic
from jobs.market import KafkaMarket
from jobs.settings import Settings
from schemas import avro, topics
from schemas import resolutions as lengths
from schemas.codec import Encoder
from schemas.registered import Registry
from services.committed import CommittedReader
from services.oracle import CandleKey
from services.projections.agreement import Difference, differences
from services.projections.store import Held, is_later
from udfs.recompute import SECOND_NS
from udfs.revisions import BY_HAND, Version
from udfs.sources import Range, Sources

COMPARED = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "vwap",
    "notional",
    "trade_count",
    "first_ts_event",
    "last_ts_event",
)
"""What a candle says of its trades. A copy that came late changes none of it."""
TRADES_SHOWN = 20
READ_TIMEOUT_S = 600
FLUSH_TIMEOUT_S = 30


class Scope(NamedTuple):
    """Windows that begin at or after `start` and end at or before `end` (nanoseconds), of these symbols or of all."""

    start: int = -(2**63)
    end: int = 2**63 - 1
    symbols: frozenset[str] = frozenset()

    def holds(self, key: CandleKey) -> bool:
        """Whether a window lies in it."""
        return (
            self.start <= key.window_start
            and _end(key) <= self.end
            and (not self.symbols or key.symbol in self.symbols)
        )


@dataclass(frozen=True)
class Finding:
    """A candle that is not what it must be."""

    key: CandleKey
    kind: str
    """differing, missing, unexpected or twice."""
    fields: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    """(expected, committed) of what differs."""
    trades: list[dict[str, Any]] = field(default_factory=list)
    """The trades of a 1s candle as the topic has them, the first few."""


@dataclass
class Report:
    """What an audit found. Messages and rejected records are those of the whole topic, candles those in scope."""

    messages: int
    accounted: int
    accepted: int
    duplicates: int
    changes: int
    rejected: int
    equal: int = 0
    unknown_originals: int = 0
    findings: list[Finding] = field(default_factory=list)
    seconds: dict[tuple[str, int], Sources] = field(default_factory=dict)
    """(symbol, second) to recompute so that the findings go away, and where its messages stand."""
    rejected_missing: list[Place] = field(default_factory=list)
    rejected_twice: list[Place] = field(default_factory=list)
    stores: dict[str, list[Difference]] = field(default_factory=dict)
    """What each store that was looked at holds otherwise than it was committed."""

    @property
    def holds(self) -> bool:
        """Whether all candles are as they must be, and every message is accounted for once."""
        wrong = self.findings or self.rejected_missing or self.rejected_twice or any(self.stores.values())
        return not wrong and self.messages == self.accounted


def audit(settings: Settings, scope: Scope, tell: Callable[[str], None], stores: Iterable[Held] = ()) -> Report:
    """Recompute, read what is committed, compare; also what these stores hold. `tell` hears what is being done.

    Raises UserError when the topic cannot be read or the bounded run fails, StoreError when a store cannot be read.
    """
    topic = Topic(settings.trades_topic, settings)
    with tempfile.TemporaryDirectory(prefix="tickloom-audit-") as folder:
        tell("recomputing every candle from the raw trades, in Flink")
        expected, accounted = recompute(Path(folder), topic, settings)
    tell("reading what is committed")
    committed = _committed(settings, scope)
    tell("comparing")
    report = _report(expected, topic.count(accounted), accounted, committed.rejected)
    _compare(expected, committed, scope, report)
    for store in stores:
        tell(f"reading {store.name}")
        report.stores[store.name] = _otherwise(store, committed, scope)
    _name_trades(report, settings)
    return report


def repair(report: Report, settings: Settings) -> int:
    """Hand the seconds behind every finding to the reconcile job, the only writer of revisions; returns how many."""
    encoder = Encoder(
        Registry(settings.registry_client()).schema_id(topics.LATE, avro.load("late_trades")), "late_trades"
    )
    producer = Producer({"enable.idempotence": True, **settings.kafka_client()})
    for (symbol, second), sources in report.seconds.items():
        for source in sources or (None,):
            producer.produce(topics.LATE, encoder.encode(_trigger(symbol, second, source)), symbol)
    if producer.flush(FLUSH_TIMEOUT_S):
        raise UserError(
            f"{settings.brokers}: the broker did not take all of {topics.LATE} in {FLUSH_TIMEOUT_S} s; repeat"
        )
    return len(report.seconds)


@dataclass
class _Committed:
    highest: dict[CandleKey, dict[str, Any]] = field(default_factory=dict)
    latest: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """By symbol and resolution, in scope or not: what some stores hold."""
    copies: Counter[tuple[CandleKey, int]] = field(default_factory=Counter)
    rejected: Counter[Place] = field(default_factory=Counter)


def _committed(settings: Settings, scope: Scope) -> _Committed:
    candles = {topics.candles(resolution): "candle" for resolution in settings.resolutions}
    found = _Committed()
    wanted = {**candles, topics.REJECTED: "rejected_trade"}
    with CommittedReader(settings.kafka_client(), settings.registry_client(), wanted) as reader:
        for each in reader.read_to_end(READ_TIMEOUT_S):
            if each.topic == topics.REJECTED:
                rejected = each.record
                if rejected["topic"] == settings.trades_topic and rejected["severity"] == "reject":
                    found.rejected[rejected["partition"], rejected["offset"]] += 1
                continue
            record = each.placed()
            key = CandleKey.of(record)
            if is_later(record, found.latest.get(key[:2])):
                found.latest[key[:2]] = record
            if scope.holds(key):
                found.copies[key, record["revision"]] += 1
                if key not in found.highest or found.highest[key]["revision"] < record["revision"]:
                    found.highest[key] = record
    return found


def _otherwise(store: Held, committed: _Committed, scope: Scope) -> list[Difference]:
    known = {CandleKey.of(each): each for each in committed.latest.values()} | committed.highest
    return [each for each in differences(known, store) if scope.holds(each.key)]


def _report(expected: Recomputed, messages: int, accounted: int, rejected: Counter[Place]) -> Report:
    return Report(
        messages=messages,
        accounted=accounted,
        accepted=sum(each.trade_count for each in expected.seconds()),
        duplicates=sum(each.duplicate_count for each in expected.seconds()),
        changes=expected.changes,
        rejected=len(expected.rejected),
        unknown_originals=len(expected.unknown),
        rejected_missing=sorted(set(expected.rejected) - rejected.keys()),
        rejected_twice=sorted(place for place, times in rejected.items() if times > 1),
    )


def _compare(expected: Recomputed, committed: _Committed, scope: Scope, report: Report) -> None:
    wanted = {key: version for key, version in _by_key(expected) if scope.holds(key)}
    twice = {key for (key, _), times in committed.copies.items() if times > 1}
    for key in sorted(wanted.keys() | committed.highest.keys()):
        finding = _finding(key, wanted.get(key), committed.highest.get(key), key in twice)
        if finding is None:
            report.equal += key in committed.highest
        else:
            report.findings.append(finding)
    wrong = {finding.key for finding in report.findings if finding.kind != "twice"}
    for key in sorted(wrong, key=lambda key: lengths.seconds(key.resolution)):
        _add_second(key, wanted, committed.highest, report)


def _finding(key: CandleKey, expected: Version | None, record: Mapping[str, Any] | None, twice: bool) -> Finding | None:
    counts = expected is not None and expected.accumulator.trade_count > 0
    if record is None:
        return Finding(key, "missing") if counts else None
    if expected is None or not counts:
        return Finding(key, "unexpected") if record["trade_count"] else None
    must = expected.accumulator.candle(key.symbol, key.resolution, (key.window_start, _end(key)), 0, None)
    differing = {name: (must[name], record[name]) for name in COMPARED if must[name] != record[name]}
    if differing:
        return Finding(key, "differing", differing)
    return Finding(key, "twice") if twice else None


def _add_second(
    key: CandleKey, wanted: Mapping[CandleKey, Version], highest: Mapping[CandleKey, Any], report: Report
) -> None:
    """A second to recompute for a wrong window: one that is wrong itself where there is one, else any with trades."""
    if any(symbol == key.symbol and key.window_start <= second < _end(key) for symbol, second in report.seconds):
        return
    inside = (CandleKey(key.symbol, "1s", at) for at in range(key.window_start, _end(key), SECOND_NS))
    second = next((each for each in inside if each in wanted or each in highest), None)
    if second is not None:
        found = wanted.get(second)
        report.seconds[second.symbol, second.window_start] = found.accumulator.sources if found else ()


def _name_trades(report: Report, settings: Settings) -> None:
    """List the trades of wrong seconds, as the topic has them."""
    wrong = [each for each in report.findings if (each.key.symbol, each.key.window_start) in report.seconds]
    if not wrong:
        return
    market = KafkaMarket(settings)
    try:
        for finding in wrong:
            sources = report.seconds[finding.key.symbol, finding.key.window_start]
            if finding.key.resolution == "1s":
                found = market.messages(finding.key.symbol, finding.key.window_start, sources)
                finding.trades.extend(
                    {"partition": each.partition, "offset": each.offset, **each.trade}
                    for each in islice(found, TRADES_SHOWN)
                )
    finally:
        market.close()


def _by_key(expected: Recomputed) -> Iterator[tuple[CandleKey, Version]]:
    for symbol, candles in expected.candles.items():
        for key, version in candles.items():
            yield CandleKey(symbol, *key), version


def _end(key: CandleKey) -> int:
    return key.window_start + lengths.seconds(key.resolution) * SECOND_NS


def _trigger(symbol: str, second: int, source: Range | None) -> dict[str, Any]:
    place = {} if source is None else dict(zip(("partition", "first_offset", "last_offset"), source, strict=True))
    return {"symbol": symbol, "second": second, "reason": BY_HAND, "trades": 0, **place}
