"""The order of trades: event time, then sequence within a venue, then offset; and which of them are copies."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

SECOND_NS = 1_000_000_000


class Tick(NamedTuple):
    """A trade of one symbol and its place in the topic; `ts_event` in nanoseconds."""

    ts_event: int
    price: Decimal
    size: Decimal
    venue: str | None = None
    trade_id: str | None = None
    sequence: int | None = None
    offset: int = 0
    partition: int = 0


def in_order(ticks: Iterable[Tick]) -> Iterator[tuple[Tick, bool]]:
    """The trades of one symbol in order, each with whether it is a copy: same venue and id, in the same second."""
    by_time = sorted(ticks, key=lambda tick: tick.ts_event)
    for _, second in groupby(by_time, key=lambda tick: tick.ts_event // SECOND_NS):
        seen: set[tuple[str, str]] = set()
        for _, instant in groupby(second, key=lambda tick: tick.ts_event):
            for tick in same_instant(list(instant)):
                identity = (tick.venue or "", tick.trade_id or "")
                yield tick, bool(tick.trade_id) and identity in seen
                seen.add(identity)


def same_instant(ticks: list[Tick]) -> Iterator[Tick]:
    """Trades of one nanosecond: each venue's by sequence, those without one by offset, merged by the next one's offset.

    Sequences of two venues do not compare, so no comparison of pairs is an order.
    """
    queues: dict[str | None, list[Tick]] = defaultdict(list)
    for tick in ticks:
        queues[None if tick.sequence is None else tick.venue or ""].append(tick)
    for queue in queues.values():
        queue.sort(key=lambda tick: (tick.sequence or 0, _place(tick)), reverse=True)
    while queues:
        name = min(queues, key=lambda each: _place(queues[each][-1]))
        yield queues[name].pop()
        if not queues[name]:
            del queues[name]


def _place(tick: Tick) -> tuple[int, int]:
    return tick.offset, tick.partition
