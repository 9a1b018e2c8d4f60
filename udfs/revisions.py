"""Which candles must be published again, and as what: the logic of the reconcile job, without Flink or Kafka.

A trigger names a second and where further messages of it stand. The second is recomputed from the raw messages, and
every longer window that is published and holds it is merged anew from its parts. What differs from the highest
revision goes out as the next one. A window that is still open waits; once it is published, it is compared.
"""

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

from schemas import resolutions as lengths
from udfs.accumulator import Accumulator
from udfs.conditions import Conditions
from udfs.recompute import SECOND_NS, Message, recompute
from udfs.sources import Range, Sources, union

BY_HAND = "audit"
"""Reason of the triggers that no horizon stops: somebody has looked at them."""


class WindowKey(NamedTuple):
    """A window of the symbol at hand; `start` in nanoseconds."""

    resolution: str
    start: int


class Version(NamedTuple):
    """The highest revision of a candle."""

    revision: int
    accumulator: Accumulator


class Trigger(NamedTuple):
    """A row of late_trades.avsc: a second to recompute and where a message that touches it stands, if it is known."""

    second: int
    reason: str
    source: Range | None
    watermark: int | None


class Market(Protocol):
    """What has been committed for a symbol. Everything before the moment of the call is settled: committed or never."""

    def messages(self, second: int, sources: Sources) -> Iterable[Message]:
        """The valid messages of a second that stand in these ranges."""

    def candles(self, resolution: str, start: int, end: int) -> Mapping[int, Version]:
        """The highest revision of each candle with start <= window_start < end."""

    def on_time(self, key: WindowKey) -> Version | None:
        """Revision 0 of a candle, None when there is none."""

    def reached(self, resolution: str, end: int) -> bool:
        """Whether the candles of this resolution have come as far as a window that ends there."""


@dataclass
class Pending:
    """What waits for its window to be published."""

    sources: dict[int, Sources] = field(default_factory=dict)
    """By second: where the further messages stand."""
    reasons: dict[WindowKey, frozenset[str]] = field(default_factory=dict)
    unseen: dict[WindowKey, frozenset[str]] = field(default_factory=dict)
    """Windows published by revisions only, watched in case a candle on time shows up after all."""
    newest: int | None = None
    """The latest watermark that a trigger told of."""


class Revision(NamedTuple):
    """A candle to publish: the next revision of its window."""

    key: WindowKey
    version: Version
    reason: str


class Settled(NamedTuple):
    """What a look at the pending windows led to."""

    revisions: list[Revision]
    unknown: list[Message]


class Revisor:
    """Turns triggers into revisions for one set of resolutions. All state is handed in."""

    def __init__(self, resolutions: Sequence[str], horizon_ns: int, conditions: Conditions) -> None:
        self._resolutions = list(resolutions)
        self._shorter = {longer: shorter for shorter, longer in pairwise(resolutions)}
        self._horizon_ns = horizon_ns
        self._conditions = conditions

    def accept(self, pending: Pending, trigger: Trigger) -> bool:
        """Note a trigger; False when it lies beyond the horizon and is somebody else's to settle."""
        if trigger.watermark is not None:
            pending.newest = max(trigger.watermark, pending.newest or trigger.watermark)
        if trigger.reason != BY_HAND and self._is_beyond(trigger.second, trigger.watermark or pending.newest):
            return False
        known = pending.sources.get(trigger.second, ())
        pending.sources[trigger.second] = union([*known, trigger.source]) if trigger.source else known
        self._mark(pending, WindowKey("1s", trigger.second), frozenset([trigger.reason]))
        return True

    def settle(self, pending: Pending, versions: MutableMapping[WindowKey, Version], market: Market) -> Settled:
        """Look at everything pending, shortest windows first. `versions` holds what this job has looked at before."""
        settled = Settled([], [])
        for key in list(pending.unseen):
            self._watch(key, pending, versions, market)
        for resolution in self._resolutions:
            for key in sorted(key for key in pending.reasons if key.resolution == resolution):
                self._look_at(key, pending, _Known(versions, market), settled)
        return settled

    def _watch(
        self, key: WindowKey, pending: Pending, versions: MutableMapping[WindowKey, Version], market: Market
    ) -> None:
        """A window was taken for one without a candle on time; here comes one, so it is looked at again."""
        on_time = market.on_time(key) if market.reached(key.resolution, self._end(key)) else None
        if on_time is None:
            return
        mine = versions[key]
        seen = on_time if mine.revision == 0 else mine
        sources = union([*mine.accumulator.sources, *on_time.accumulator.sources])
        covered = on_time.accumulator.covered_from_ms
        versions[key] = Version(seen.revision, replace(seen.accumulator, sources=sources, covered_from_ms=covered))
        self._mark(pending, key, pending.unseen.pop(key))

    def forgettable(self, pending: Pending, key: WindowKey) -> bool:
        """Whether no trigger within the horizon can touch this window any more."""
        return key not in pending.reasons and self._is_beyond(self._end(key) - SECOND_NS, pending.newest)

    def _is_beyond(self, second: int, watermark: int | None) -> bool:
        return watermark is not None and second + SECOND_NS + self._horizon_ns < watermark

    def _look_at(self, key: WindowKey, pending: Pending, known: "_Known", settled: Settled) -> None:
        before = known.version(key, self._end(key))
        if before is None and not self._is_closed(key, pending, known.market):
            return  # still open: it is looked at again
        reasons = pending.reasons.pop(key)
        if before is None:
            pending.unseen[key] = reasons
        if key.resolution == "1s":
            after, unknown = self._recomputed(key, before, pending, known.market)
            settled.unknown.extend(unknown)
        else:
            parts = known.parts(self._shorter[key.resolution], key.start, self._end(key))
            after = Accumulator.merged(part.accumulator.rolled_up() for part in parts)
        changed = self._publish(key, before, after, reasons, known.versions, settled)
        if (changed or BY_HAND in reasons) and (longer := self._longer(key)):
            self._mark(pending, longer, reasons)

    def _recomputed(
        self, key: WindowKey, before: Version | None, pending: Pending, market: Market
    ) -> tuple[Accumulator, Iterable[Message]]:
        known = before.accumulator if before else Accumulator()
        sources = union([*known.sources, *pending.sources.pop(key.start, ())])
        messages = market.messages(key.start, sources)
        found = recompute(messages, sources, known.covered_from_ms, self._conditions)
        return found.accumulator, found.unknown

    def _publish(
        self,
        key: WindowKey,
        before: Version | None,
        after: Accumulator,
        reasons: frozenset[str],
        versions: MutableMapping[WindowKey, Version],
        settled: Settled,
    ) -> bool:
        seen = before or Version(0, Accumulator())
        if after.visible == seen.accumulator.visible:
            versions[key] = Version(seen.revision, after)  # its sources and copies may be more than before
            return False
        versions[key] = Version(seen.revision + 1, after)
        settled.revisions.append(Revision(key, versions[key], "+".join(sorted(reasons))))
        return True

    def _is_closed(self, key: WindowKey, pending: Pending, market: Market) -> bool:
        """What a window without a candle needs to count as closed: the watermark, or other candles, have passed it."""
        end = self._end(key)
        return (pending.newest is not None and pending.newest >= end - 1_000_000) or market.reached(key.resolution, end)

    def _mark(self, pending: Pending, key: WindowKey, reasons: frozenset[str]) -> None:
        pending.reasons[key] = pending.reasons.get(key, frozenset()) | reasons

    def _longer(self, key: WindowKey) -> WindowKey | None:
        at = self._resolutions.index(key.resolution) + 1
        if at == len(self._resolutions):
            return None
        length = lengths.seconds(self._resolutions[at]) * SECOND_NS
        return WindowKey(self._resolutions[at], key.start - key.start % length)

    def _end(self, key: WindowKey) -> int:
        return key.start + lengths.seconds(key.resolution) * SECOND_NS


class _Known(NamedTuple):
    """What is committed, and over it what this job knows better because it is not committed yet."""

    versions: MutableMapping[WindowKey, Version]
    market: Market

    def version(self, key: WindowKey, end: int) -> Version | None:
        """The highest revision of a window, None when it has no candle so far."""
        if key in self.versions:
            return self.versions[key]
        if not self.market.reached(key.resolution, end):
            return None
        return self.market.candles(key.resolution, key.start, end).get(key.start)

    def parts(self, resolution: str, start: int, end: int) -> Iterator[Version]:
        """The highest revisions of the windows between two times."""
        found = self.market.candles(resolution, start, end)
        length = lengths.seconds(resolution) * SECOND_NS
        for at in range(start, end, length):
            version = self.versions.get(WindowKey(resolution, at)) or found.get(at)
            if version is not None:
                yield version


def row(symbol: str, revision: Revision) -> dict[str, Any]:
    """The record of schemas/candle.avsc."""
    start = revision.key.start
    window = start, start + lengths.seconds(revision.key.resolution) * SECOND_NS
    version = revision.version
    return version.accumulator.candle(symbol, revision.key.resolution, window, version.revision, revision.reason)
