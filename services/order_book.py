"""An order book rebuilt from a snapshot and the updates after it (schemas/book_update.avsc), each checked."""

import zlib
from bisect import bisect_left, insort
from decimal import Decimal
from typing import NamedTuple

from services.records import BookRecord

SUMMED = 10
"""Levels of a side in a checksum: https://docs.kraken.com/api/docs/guides/spot-ws-book-v2."""


class BookError(ValueError):
    """The book is not what the venue says it is: it must begin anew, with a snapshot."""


class Level(NamedTuple):
    """A price and the units at it."""

    price: Decimal
    size: Decimal


class Side:
    """The levels of a side; `best` says at which end of its prices the best is."""

    def __init__(self, best: int) -> None:
        self._best = best
        self._prices: list[Decimal] = []
        self._sizes: dict[Decimal, Decimal] = {}

    def __len__(self) -> int:
        return len(self._prices)

    def put(self, price: Decimal, size: Decimal) -> None:
        """Units at a price from now on; 0 takes the level away, also one that is not there."""
        if not size:
            if self._sizes.pop(price, None) is not None:
                del self._prices[bisect_left(self._prices, price)]
            return
        if price not in self._sizes:
            insort(self._prices, price)
        self._sizes[price] = size

    def cut(self, depth: int) -> None:
        """Forget what is deeper."""
        while len(self._prices) > depth:
            del self._sizes[self._prices.pop(-1 - self._best)]

    def top(self, levels: int) -> list[Level]:
        """The best levels, the best first."""
        prices = self._prices[: -levels - 1 : -1] if self._best else self._prices[:levels]
        return [Level(price, self._sizes[price]) for price in prices]


class OrderBook:
    """Bids and asks of an instrument at a venue."""

    def __init__(self) -> None:
        self.bids, self.asks = Side(-1), Side(0)
        self.sequence: int | None = None
        self._digits: tuple[int | None, int | None] = None, None

    def apply(self, update: BookRecord) -> bool:
        """Take an update; False when the book has it already.

        Raises BookError when updates before it are missing or the checksum is another.
        """
        if not update["is_snapshot"] and not self._follows(update):
            return False
        if update["is_snapshot"]:
            self.bids, self.asks = Side(-1), Side(0)
            self._digits = update["price_digits"], update["size_digits"]
        self.sequence = update["sequence"]
        for each in update["levels"]:
            side = self.bids if each["side"] == "bid" else self.asks
            side.put(each["price"], each["size"])
        if update["depth"] is not None:
            self.bids.cut(update["depth"])
            self.asks.cut(update["depth"])
        self._check(update)
        return True

    def _follows(self, update: BookRecord) -> bool:
        first, last = update["first_sequence"], update["sequence"]
        if last is None or self.sequence is None:
            return True
        if last <= self.sequence:
            return False
        if first is not None and first > self.sequence + 1:
            raise BookError(f"{update['symbol']}: updates {self.sequence + 1} to {first - 1} of its book are missing")
        return True

    def _check(self, update: BookRecord) -> None:
        if update["checksum"] is None or None in self._digits:
            return
        found = self.checksum()
        if found != update["checksum"]:
            raise BookError(f"{update['symbol']}: its book has the checksum {found}, not {update['checksum']}")

    def checksum(self) -> int:
        """CRC-32 of the best asks, then the best bids, each price and size without point and leading zeros."""
        price_digits, size_digits = (digits or 0 for digits in self._digits)
        text = "".join(
            f"{int(level.price.scaleb(price_digits))}{int(level.size.scaleb(size_digits))}"
            for side in (self.asks, self.bids)
            for level in side.top(SUMMED)
        )
        return zlib.crc32(text.encode())
