"""What is done with a venue's messages: trades are published, what is not understood is told, holes are counted."""

import asyncio
import logging
from collections.abc import Sequence

from prometheus_client import Counter, Gauge

from services.feeds.books import Books
from services.feeds.capture import Line
from services.feeds.publisher import Publisher
from services.feeds.snapshots import BookArchive
from services.feeds.venue import BeginAnewError, FeedError, Hole, RefusedError, Venue, read
from services.records import BookRecord, TradeRecord

HOLES_MAX = 1_000
"""Holes that are remembered: a feed with more has another trouble."""
LOG = logging.getLogger("tickloom.feed")
TRADES = Counter("tickloom_feed_trades_total", "Trades of a venue", ["venue"])
QUOTES = Counter("tickloom_feed_quotes_total", "Best bids and offers of a venue", ["venue"])
BOOKS = Counter("tickloom_feed_book_updates_total", "Updates of order books of a venue", ["venue"])
REJECTED = Counter("tickloom_feed_rejected_total", "Messages of a venue that are not understood", ["venue"])
MISSING = Counter("tickloom_feed_missing_trades_total", "Numbers that a venue's trades have left out", ["venue"])
BEHIND = Gauge("tickloom_feed_behind_seconds", "How long after it happened the last trade came", ["venue"])


class Feed:
    """What a venue says, on its way to topics.

    What the numbers of its trades leave out goes to `holes`, pairs whose order book is wanted whole to `books_wanted`.
    """

    def __init__(self, venue: Venue, publisher: Publisher) -> None:
        self._venue, self._publisher = venue, publisher
        self.holes: asyncio.Queue[Hole] = asyncio.Queue(HOLES_MAX)
        self.books_wanted: asyncio.Queue[str] = asyncio.Queue()
        self._last: dict[str, tuple[int, int]] = {}
        self._books = Books(venue.name, self._want)
        self.trades = self.quotes = self.book_updates = 0
        for counter in (TRADES, QUOTES, BOOKS, REJECTED, MISSING):
            counter.labels(venue.name)  # from nothing on: what is first seen at 1 has not increased

    async def take(self, line: Line) -> None:
        """Publish what a message says; what is not understood is logged whole.

        Raises PublishError, RefusedError while no trade has come, and BeginAnewError.
        """
        try:
            found = read(self._venue, line.message, line.received_ns)
        except FeedError as error:
            if isinstance(error, RefusedError) and not self.trades:
                raise
            REJECTED.labels(self._venue.name).inc()
            LOG.warning(
                "%s", error, extra={"venue": self._venue.name, "raw": line.message, "ts_recv": line.received_ns}
            )
            return
        for each in found.trades:
            self._note(each)
        await self.publish(found.trades)
        self.quotes += len(found.quotes)
        QUOTES.labels(self._venue.name).inc(len(found.quotes))
        await self._publisher.send("quote", found.quotes)
        for update in found.books:
            await self.take_book(update)

    async def take_book(self, update: BookRecord) -> None:
        """Publish what follows from an update of a book. Raises PublishError, BeginAnewError."""
        updates = self._books.take(update)
        self.book_updates += len(updates)
        BOOKS.labels(self._venue.name).inc(len(updates))
        await self._publisher.send("book_update", updates)

    def connected(self) -> None:
        """The connection is another: what was followed on the one before has a hole."""
        self._books.begin_anew()

    async def publish(self, trades: Sequence[TradeRecord]) -> None:
        """Send trades, counted. Raises PublishError."""
        self.trades += len(trades)
        TRADES.labels(self._venue.name).inc(len(trades))
        await self._publisher.send("trade", trades)

    def _want(self, symbol: str) -> None:
        if not isinstance(self._venue, BookArchive):
            raise BeginAnewError(f"{symbol}: its book is wanted whole")
        self.books_wanted.put_nowait(symbol.removesuffix(f".{self._venue.name}"))

    def _note(self, trade: TradeRecord) -> None:
        BEHIND.labels(self._venue.name).set(((trade["ts_recv"] or 0) - trade["ts_event"]) / 1e9)
        symbol, number = trade["symbol"], trade["sequence"]
        if number is None:
            return
        last, since_ns = self._last.get(symbol, (number - 1, trade["ts_event"]))
        if number > last + 1:
            hole = Hole(symbol.removesuffix(f".{self._venue.name}"), last + 1, number - 1, since_ns)
            MISSING.labels(self._venue.name).inc(number - last - 1)
            LOG.warning("%s are missing", hole, extra={"symbol": symbol})
            if not self.holes.full():
                self.holes.put_nowait(hole)
        if number > last:
            self._last[symbol] = number, trade["ts_event"]
