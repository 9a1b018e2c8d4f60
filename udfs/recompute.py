"""A second recomputed from its raw messages: each trade once, by id, without what was busted, as it was corrected."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from schemas.exact import unscaled
from udfs.accumulator import Accumulator, of_trade
from udfs.conditions import Conditions
from udfs.sources import Range, Sources, union

SECOND_NS = 1_000_000_000

Identity = tuple[str, str]
"""(venue, trade_id) of a symbol; no venue is the venue ''."""
Place = tuple[int, int]
"""(offset, partition): the order of messages."""


class Message(NamedTuple):
    """A valid message of the trades topic, as schemas/trade.avsc reads it, and where it stands."""

    partition: int
    offset: int
    trade: Mapping[str, Any]

    @property
    def place(self) -> Place:
        """Its order among the messages of a symbol."""
        return self.offset, self.partition

    @property
    def second(self) -> int:
        """Start of the second it belongs to or changes, in nanoseconds."""
        name = "ts_event" if self.trade["action"] == "new" else "original_ts_event"
        ts_event: int = self.trade[name]
        return ts_event - ts_event % SECOND_NS


@dataclass(frozen=True)
class Recomputed:
    """The second as it must be, and the cancels and corrections whose original is not in it."""

    accumulator: Accumulator
    unknown: tuple[Message, ...] = ()


@dataclass
class _Second:
    trades: dict[Place, Mapping[str, Any]] = field(default_factory=dict)
    places: dict[Identity, Place] = field(default_factory=dict)
    copies: int = 0
    unknown: list[Message] = field(default_factory=list)

    def add(self, message: Message) -> None:
        identity = _identity(message.trade, "trade_id")
        if identity in self.places:
            self.copies += 1
        else:
            self.trades[message.place] = message.trade
            self._name(identity, message.place)

    def change(self, message: Message) -> None:
        place = self.places.get(_identity(message.trade, "original_trade_id") or ("", ""))
        if place is None:
            self.unknown.append(message)
        elif message.trade["action"] == "cancel":
            self.trades.pop(place, None)
        elif place in self.trades:
            changed = {name: message.trade[name] for name in ("price", "size", "conditions")}
            self.trades[place] = {**self.trades[place], **changed}
            self._name(_identity(message.trade, "trade_id"), place)  # a later message may name the correction

    def _name(self, identity: Identity | None, place: Place) -> None:
        if identity is not None:
            self.places[identity] = place


def recompute(
    messages: Iterable[Message], sources: Sources, covered_from_ms: int, conditions: Conditions
) -> Recomputed:
    """One second of one symbol from all its messages, in whatever order they come; the same message may come twice.

    A correction keeps the place of the original in the order of trades. Copies on several partitions count once.
    """
    tape = sorted({message.place: message for message in messages}.values(), key=lambda message: message.place)
    second = _Second()
    for message in tape:
        if message.trade["action"] == "new":
            second.add(message)
    for message in tape:
        if message.trade["action"] != "new":
            second.change(message)
    merged = Accumulator.merged(_each(second, conditions))
    return Recomputed(
        replace(merged, duplicate_count=second.copies, covered_from_ms=covered_from_ms, sources=sources),
        tuple(second.unknown),
    )


def standing(messages: Iterable[Message]) -> Sources:
    """The ranges that hold these messages."""
    return union(Range(message.partition, message.offset, message.offset) for message in messages)


def of_message(message: Message, conditions: Conditions) -> Accumulator:
    """The accumulator of one trade."""
    trade = message.trade
    price, size = unscaled(trade["price"]), unscaled(trade["size"])
    effects = conditions.effects(trade["venue"], trade["conditions"])
    return of_trade(trade["ts_event"], price, size, message.place, trade["venue"], trade["sequence"], effects)


def _each(second: _Second, conditions: Conditions) -> Iterator[Accumulator]:
    for (offset, partition), trade in second.trades.items():
        yield of_message(Message(partition, offset, trade), conditions)


def _identity(trade: Mapping[str, Any], name: str) -> Identity | None:
    """Without an id, equal content says nothing."""
    return (trade["venue"] or "", trade[name]) if trade[name] else None
