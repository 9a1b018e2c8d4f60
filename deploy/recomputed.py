"""Every candle of a trades topic as it must be: a bounded run of the candle job, then what busts and copies change.

The same topology and the same rules as live, on what the topic holds now; nothing is late, because everything is there.
"""

import base64
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy import bounded_job, candle_files
from deploy.trades_topic import Topic
from jobs.market import KafkaMarket
from jobs.settings import Settings
from schemas import resolutions as lengths
from schemas.arrow import arrow_schema
from udfs import conditions
from udfs.accumulator import Accumulator
from udfs.recompute import SECOND_NS, Message
from udfs.revisions import BY_HAND, Pending, Revisor, Trigger, Version, WindowKey
from udfs.sources import Range, Sources

Place = tuple[int, int]
"""(partition, offset) in the trades topic."""


@dataclass
class Recomputed:
    """What a topic must have led to."""

    candles: dict[str, dict[WindowKey, Version]] = field(default_factory=lambda: defaultdict(dict))
    """By symbol. One that lost its last trade to a bust is there, with none."""
    changes: int = 0
    """Cancels and corrections."""
    unknown: list[Message] = field(default_factory=list)
    """Those of them whose original is not in the topic."""
    rejected: list[Place] = field(default_factory=list)

    def seconds(self) -> Iterator[Accumulator]:
        """The accumulators of all 1s candles."""
        for candles in self.candles.values():
            yield from (each.accumulator for key, each in candles.items() if key.resolution == "1s")

    def accounted(self) -> int:
        """Messages that are in a candle, a copy, a change or rejected, as long as nothing is taken out again."""
        counted = sum(each.trade_count + each.duplicate_count for each in self.seconds())
        return counted + self.changes + len(self.rejected)


def recompute(work: Path, topic: Topic, settings: Settings) -> tuple[Recomputed, int]:
    """The candles of a topic, and how many messages the bounded run accounts for. Everything temporary is under `work`.

    Raises UserError when the run fails.
    """
    bounded_job.run(work, topic.connector_options(), settings.resolutions, topic.settings(settings))
    found = Recomputed()
    for resolution in settings.resolutions:
        for record in _rows(work / f"candles_{resolution}", "candle"):
            accumulator = Accumulator.from_bytes(base64.b64decode(record["accumulator"]))
            found.candles[record["symbol"]][WindowKey(resolution, record["window_start"])] = Version(0, accumulator)
    reported = _rows(work / "rejected_trades", "rejected_trade")
    found.rejected = [(row["partition"], row["offset"]) for row in reported if row["severity"] == "reject"]
    triggers = list(_rows(work / "late_trades", "late_trades"))
    found.changes = sum(row["trades"] for row in triggers)
    accounted = found.accounted()
    if triggers:
        _apply(triggers, found, settings)
    return found, accounted


def _apply(triggers: Iterable[Mapping[str, Any]], found: Recomputed, settings: Settings) -> None:
    """Take out what was busted, put in what was corrected, and count copies on several partitions once."""
    revisor = Revisor(settings.resolutions, 0, conditions.load(settings.conditions))
    pending: dict[str, Pending] = defaultdict(Pending)
    for row in triggers:
        place = None if row["partition"] is None else Range(row["partition"], row["first_offset"], row["last_offset"])
        revisor.accept(pending[row["symbol"]], Trigger(row["second"], BY_HAND, place, None))
    market = KafkaMarket(settings)
    try:
        for symbol, waiting in pending.items():
            candles = found.candles[symbol]
            view = _Bounded(symbol, candles, market)
            settled = revisor.settle(waiting, {}, view)
            found.unknown += settled.unknown
            for revision in settled.revisions:
                candles[revision.key] = revision.version
    finally:
        market.close()


@dataclass(frozen=True)
class _Bounded:
    """The output of the bounded run as udfs.revisions looks at it; raw messages come from the topic."""

    symbol: str
    candles_by_key: Mapping[WindowKey, Version]
    market: KafkaMarket

    def messages(self, second: int, sources: Sources) -> Iterable[Message]:
        return self.market.messages(self.symbol, second, sources)

    def candles(self, resolution: str, start: int, end: int) -> Mapping[int, Version]:
        length = lengths.seconds(resolution) * SECOND_NS
        keys = [WindowKey(resolution, at) for at in range(start, end, length)]
        return {key.start: self.candles_by_key[key] for key in keys if key in self.candles_by_key}

    def on_time(self, key: WindowKey) -> Version | None:
        return self.candles_by_key.get(key)

    def reached(self, resolution: str, end: int) -> bool:
        return True


def _rows(folder: Path, schema: str) -> Iterable[dict[str, Any]]:
    for batch in candle_files.batches(folder, arrow_schema(schema)):
        yield from batch.to_pylist()
