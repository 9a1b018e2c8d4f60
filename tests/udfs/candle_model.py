"""The candle job in a few lines of Python: what it publishes on time, and which triggers it leaves.

Messages come one by one, each from a partition; the watermark is the slowest partition's latest time less the
allowed disorder. Windows are published when it passes their end.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from schemas import resolutions as lengths
from udfs.accumulator import Accumulator
from udfs.conditions import NONE, Conditions
from udfs.recompute import SECOND_NS, Message, of_message
from udfs.revisions import Trigger, Version, WindowKey
from udfs.sources import Range, Sources

MILLI_NS = 1_000_000


@dataclass
class CandleModel:
    """One symbol. `candles` and `triggers` are what has been committed so far."""

    resolutions: tuple[str, ...]
    disorder_ns: int
    partitions: int = 1
    conditions: Conditions = NONE
    tape: list[Message] = field(default_factory=list)
    candles: dict[WindowKey, Version] = field(default_factory=dict)
    """The highest revisions."""
    on_time: dict[WindowKey, Version] = field(default_factory=dict)
    triggers: list[Trigger] = field(default_factory=list)
    published: list[tuple[WindowKey, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._newest: dict[int, int] = {}
        self._open: dict[WindowKey, Accumulator] = {}
        self.ended = False
        self._ids: dict[tuple[int, int], set[tuple[str, str]]] = defaultdict(set)

    @property
    def watermark(self) -> int | None:
        """In nanoseconds; None while a partition has been silent."""
        if len(self._newest) < self.partitions:
            return None
        return min(self._newest.values()) - self.disorder_ns - MILLI_NS

    def read(self, message: Message) -> None:
        """Take in the next message of the tape."""
        self.tape.append(message)
        trade = message.trade
        if trade["action"] != "new":
            self._trigger(message, trade["action"])
        elif self.watermark is not None and message.second + SECOND_NS - MILLI_NS <= self.watermark:
            self._trigger(message, "late")
        else:
            self._fold(message)
        if trade["action"] == "new":
            newest = self._newest.get(message.partition, trade["ts_event"])
            self._newest[message.partition] = max(newest, trade["ts_event"])
        self._close(self.watermark)

    def end(self) -> None:
        """Close every window, as the end of the input does."""
        self.ended = True
        self._close(2**63 - 1)

    def revise(self, key: WindowKey, version: Version) -> None:
        """Commit a revision."""
        self.published.append((key, version.revision))
        self.candles[key] = version

    def messages(self, second: int, sources: Sources) -> Iterable[Message]:
        """The messages of a second that stand in these ranges."""
        return [
            message
            for message in self.tape
            if message.second == second
            and any(
                each.partition == message.partition and each.first <= message.offset <= each.last for each in sources
            )
        ]

    def between(self, resolution: str, start: int, end: int) -> Mapping[int, Version]:
        """The highest revisions of the candles of a resolution."""
        return {
            key.start: version
            for key, version in self.candles.items()
            if key.resolution == resolution and start <= key.start < end
        }

    def _trigger(self, message: Message, reason: str) -> None:
        place = Range(message.partition, message.offset, message.offset)
        self.triggers.append(Trigger(message.second, reason, place, self.watermark))

    def _fold(self, message: Message) -> None:
        trade = message.trade
        key = WindowKey("1s", message.second)
        known = self._open.get(key, Accumulator())
        identity = (trade["venue"] or "", trade["trade_id"])
        ids = self._ids[message.partition, message.second]
        if trade["trade_id"] and identity in ids:
            added = Accumulator(duplicate_count=1, sources=(Range(message.partition, message.offset, message.offset),))
        else:
            added = of_message(message, self.conditions)
            ids.add(identity)
        self._open[key] = known.merge(added)

    def _close(self, watermark: int | None) -> None:
        for at, resolution in enumerate(self.resolutions):
            length = lengths.seconds(resolution) * SECOND_NS
            for key in [key for key in self._open if key.resolution == resolution]:
                if watermark is not None and key.start + length - MILLI_NS <= watermark:
                    self._publish(key, self.resolutions[at + 1 : at + 2], watermark)

    def _publish(self, key: WindowKey, longer: tuple[str, ...], watermark: int) -> None:
        accumulator = self._open.pop(key)
        self.on_time[key] = Version(0, accumulator)
        self.candles.setdefault(key, self.on_time[key])
        self.published.append((key, 0))
        if len({each.partition for each in accumulator.sources}) > 1:
            self.triggers.append(Trigger(key.start, "partitions", None, None if self.ended else watermark))
        for resolution in longer:
            length = lengths.seconds(resolution) * SECOND_NS
            parent = WindowKey(resolution, key.start - key.start % length)
            self._open[parent] = self._open.get(parent, Accumulator()).merge(accumulator.rolled_up())
