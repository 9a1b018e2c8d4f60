"""The benchmark's order books: a snapshot of every book, then changes of two levels a side, some of them gone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np

from bench.encoder import BookEncoder
from bench.produce import Message
from bench.tape import DISORDER_S, LOWEST_START, PARTITIONS, SECOND_NS, START_S, TICK, Longs, PartitionTape, Tape
from jobs.settings import Settings
from schemas.codec import Encoder
from services.depth_oracle import Told, expected_depths
from services.feeds.venue import book
from services.records import BookRecord

VENUE = "XNAS"
BEST = 20
"""Levels of each side near the middle; as many follow."""
GONE_EVERY = 8
SEQUENCE_START = 1_000_000_000
Key = tuple[str, int]


@dataclass(frozen=True)
class Changes:
    """Some updates of a partition; unscaled values of shape (updates, 4): two bids, then two asks."""

    symbol: Longs
    sequence: Longs
    ts_event: Longs
    prices: Longs
    sizes: Longs

    def __len__(self) -> int:
        return len(self.symbol)


@dataclass(frozen=True)
class BookTape:
    """So many updates of so many books, 100,000 a second of event time, and a snapshot of each before: what a
    MessageContest needs of them.
    """

    updates: int
    instruments: int
    job = "books"
    counted = "update_count"

    @property
    def count(self) -> int:
        """Of all messages."""
        return self.updates + self.instruments

    @cached_property
    def arrivals(self) -> Tape:
        """The tape of trades whose times and order the updates have."""
        return Tape(self.updates, self.instruments)

    @cached_property
    def names(self) -> list[str]:
        """By number."""
        return [f"SYM{number:05}.{VENUE}" for number in range(self.instruments)]

    def batches(self, schema_id: int, partition: int) -> Iterator[list[Message]]:
        """The messages of a partition."""
        codec, encoder = Encoder(schema_id, "book_update"), BookEncoder(schema_id, self.names)
        keys = [name.encode() for name in self.names]
        symbols = PartitionTape(partition, self.arrivals).symbols
        yield [{"key": keys[symbol], "value": codec.encode(self._snapshot(symbol))} for symbol in symbols]
        for chunk in self.chunks(partition):
            pairs = zip(chunk.symbol.tolist(), encoder.encode(chunk), strict=True)
            yield [{"key": keys[symbol], "value": message} for symbol, message in pairs]

    def chunks(self, partition: int) -> Iterator[Changes]:
        """The updates of a partition in the order of their offsets."""
        for each in PartitionTape(partition, self.arrivals).chunks():
            near, far = each.price // TICK % BEST, each.size // TICK % BEST
            offsets = np.stack([-1 - near, -1 - BEST - far, 1 + far, 1 + BEST + near], axis=1)
            stays = (each.number % GONE_EVERY > 0).astype(np.int64)
            other = 10_100 * TICK - each.size
            yield Changes(
                symbol=each.symbol,
                sequence=SEQUENCE_START + 1 + each.number,
                ts_event=each.ts_recv,
                prices=(_middle(each.symbol)[:, None] + offsets * TICK),
                sizes=np.stack([each.size * stays, other, other * stays, each.size], axis=1),
            )

    def expected(self, instruments: int) -> dict[Key, dict[str, Any]]:
        """Every depth of the first so many books."""
        chosen = Settings()
        told = Told(SECOND_NS, chosen.depth_levels, chosen.depth_within_bp)
        return dict(map(self.told, expected_depths(self.records(instruments), told)))

    def told(self, record: Mapping[str, Any]) -> tuple[Key, dict[str, Any]]:
        """What a depth says."""
        return (record["symbol"], record["window_end"]), dict(record)

    def number(self, record: Mapping[str, Any]) -> int:
        """Of the book of a committed depth."""
        return int(record["symbol"].partition(".")[0].removeprefix("SYM"))

    def records(self, instruments: int) -> Iterator[BookRecord]:
        """All updates of the first so many books, as the topic's schema has them."""
        yield from (self._snapshot(symbol) for symbol in range(instruments))
        for partition in range(PARTITIONS):
            for chunk in self.chunks(partition):
                for place in np.flatnonzero(chunk.symbol < instruments):
                    yield self._update(chunk, int(place))

    def _snapshot(self, symbol: int) -> BookRecord:
        middle, started = int(_middle(np.array([symbol]))[0]), (START_S + DISORDER_S) * SECOND_NS
        sides = [
            [(exact(middle + sign * step * TICK), exact(1_000 * TICK)) for step in range(1, 2 * BEST + 1)]
            for sign in (-1, 1)
        ]
        pair = self.names[symbol].removesuffix(f".{VENUE}")
        return book(VENUE, pair, started, started, *sides, is_snapshot=True, sequence=SEQUENCE_START)

    def _update(self, chunk: Changes, place: int) -> BookRecord:
        levels = [
            (exact(price), exact(size))
            for price, size in zip(chunk.prices[place].tolist(), chunk.sizes[place].tolist(), strict=True)
        ]
        at, pair = int(chunk.ts_event[place]), self.names[int(chunk.symbol[place])].removesuffix(f".{VENUE}")
        sequence = int(chunk.sequence[place])
        return book(VENUE, pair, at, at, levels[:2], levels[2:], is_snapshot=False, sequence=sequence)


def exact(value: int) -> Decimal:
    """Of an unscaled value."""
    return Decimal(value).scaleb(-12)


def _middle(symbol: Longs) -> Longs:
    return LOWEST_START + symbol * TICK * 100
