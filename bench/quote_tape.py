"""The benchmark's quotes: the best bid and offer of many instruments at three venues, now and then locked or crossed.

They follow the tape of trades: its times, its disorder and its order of arrival.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from bench.encoder import QuoteEncoder
from bench.produce import Message
from bench.tape import LOWEST_START, PARTITIONS, TICK, Longs, PartitionTape, Tape
from schemas import resolutions
from services.oracle import CandleKey
from services.quote_oracle import ExpectedQuoteCandle, expected_quote_candles
from services.records import QuoteRecord

VENUES = ("XNAS", "XNYS", "ARCX")
STEPS = 8
"""A venue's bid is less than so many ticks above the lowest of its instrument."""
WIDEST = 4
"""Ticks of the spread at a venue."""
SEQUENCE_START = 1_000_000_000


@dataclass(frozen=True)
class Quotes:
    """Some quotes of a partition, a column a field; prices and sizes unscaled (12 decimals), times in nanoseconds.

    `symbol` is the instrument's number times the number of VENUES, and the venue's.
    """

    symbol: Longs
    sequence: Longs
    ts_event: Longs
    ts_recv: Longs
    bid_price: Longs
    bid_size: Longs
    ask_price: Longs
    ask_size: Longs

    def __len__(self) -> int:
        return len(self.symbol)

    def of(self, instruments: int) -> "Quotes":
        """Those of the first so many instruments."""
        kept = self.symbol < instruments * len(VENUES)
        return Quotes(**{name: column[kept] for name, column in vars(self).items()})


@dataclass(frozen=True)
class QuoteTape:
    """So many quotes of so many instruments, 100,000 a second of event time: what a MessageContest needs of them."""

    count: int
    instruments: int
    job = "quotes"
    counted = "quote_count"

    @cached_property
    def arrivals(self) -> Tape:
        """The tape of trades whose times and order these have."""
        return Tape(self.count, self.instruments * len(VENUES))

    @cached_property
    def names(self) -> list[str]:
        """By number of the symbol."""
        return [f"{self.instrument(number)}.{venue}" for number in range(self.instruments) for venue in VENUES]

    @staticmethod
    def instrument(number: int) -> str:
        """The name of an instrument."""
        return f"SYM{number:05}"

    def chunks(self, partition: int) -> Iterator[Quotes]:
        """The quotes of a partition in the order of their offsets."""
        for each in PartitionTape(partition, self.arrivals).chunks():
            lowest = LOWEST_START + each.symbol // len(VENUES) * TICK * STEPS
            bid = lowest + each.price // TICK % STEPS * TICK
            yield Quotes(
                symbol=each.symbol,
                sequence=SEQUENCE_START + each.number,
                ts_event=each.ts_event,
                ts_recv=each.ts_recv,
                bid_price=bid,
                bid_size=each.size,
                ask_price=bid + (1 + each.size // TICK % WIDEST) * TICK,
                ask_size=10_100 * TICK - each.size,
            )

    def batches(self, schema_id: int, partition: int) -> Iterator[list[Message]]:
        """The messages of a partition."""
        encoder, keys = QuoteEncoder(schema_id, self.names), [name.encode() for name in self.names]
        for chunk in self.chunks(partition):
            pairs = zip(chunk.symbol.tolist(), encoder.encode(chunk), strict=True)
            yield [{"key": keys[symbol], "value": message} for symbol, message in pairs]

    def expected(self, instruments: int) -> dict[CandleKey, ExpectedQuoteCandle]:
        """Every candle of the first so many instruments."""
        return expected_quote_candles(self.records(instruments), resolutions.DEFAULT)

    def told(self, record: Mapping[str, Any]) -> tuple[CandleKey, ExpectedQuoteCandle]:
        """What a committed candle says."""
        return CandleKey.of(record), ExpectedQuoteCandle.of(record)

    def number(self, record: Mapping[str, Any]) -> int:
        """Of the instrument of a committed candle."""
        return int(record["symbol"].removeprefix("SYM"))

    def records(self, instruments: int) -> Iterator[QuoteRecord]:
        """All quotes of the first so many instruments, partition by partition, as the topic's schema has them."""
        for partition in range(PARTITIONS):
            for chunk in self.chunks(partition):
                kept = chunk.of(instruments)
                for values in zip(*(column.tolist() for column in vars(kept).values()), strict=True):
                    yield self._record(dict(zip(vars(kept), values, strict=True)))

    def _record(self, values: Mapping[str, int]) -> QuoteRecord:
        symbol = self.names[values["symbol"]]
        price = {name: Decimal(values[name]).scaleb(-12) for name in ("bid_price", "bid_size", "ask_price", "ask_size")}
        return QuoteRecord(
            symbol=symbol,
            venue=symbol.rpartition(".")[2],
            sequence=values["sequence"],
            ts_event=values["ts_event"],
            ts_recv=values["ts_recv"],
            bid_price=price["bid_price"],
            bid_size=price["bid_size"],
            ask_price=price["ask_price"],
            ask_size=price["ask_size"],
        )
