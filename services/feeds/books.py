"""Order books that can be followed: a snapshot, then every update after it, in their order, and nothing else.

What comes before a snapshot waits for it; where updates are missing, or the venue's checksum is another, the book
begins anew.
"""

import logging
from collections import deque
from collections.abc import Callable

from prometheus_client import Counter

from services.order_book import BookError, OrderBook
from services.records import BookRecord

WAITING = 1_000
"""Updates of a book that may wait for its snapshot; the oldest give way, since a snapshot that comes later has them."""
LOG = logging.getLogger("tickloom.feed")
BROKEN = Counter("tickloom_feed_books_broken_total", "Order books of a venue that had to begin anew", ["venue"])


class Books:
    """The books of a venue. `ask` is called with the symbol of one that needs a snapshot."""

    def __init__(self, venue: str, ask: Callable[[str], None]) -> None:
        self._venue, self._ask = venue, ask
        self._books: dict[str, OrderBook] = {}
        self._waiting: dict[str, deque[BookRecord]] = {}
        BROKEN.labels(venue)  # from nothing on: what is first seen at 1 has not increased

    def take(self, update: BookRecord) -> list[BookRecord]:
        """What can be published now that this has come. Raises what `ask` raises."""
        symbol = update["symbol"]
        if update["is_snapshot"]:
            self._books[symbol] = OrderBook()
            waiting = self._waiting.pop(symbol, ())
            return [each for each in (update, *waiting) if self._applies(each)]
        if symbol in self._books:
            return [update] if self._applies(update) else []
        self._wait(update)
        return []

    def begin_anew(self) -> None:
        """The connection is another: what was followed on the one before has a hole."""
        self._books.clear()
        self._waiting.clear()

    def _applies(self, update: BookRecord) -> bool:
        book = self._books.get(update["symbol"])
        if book is None:  # it broke at an update before this
            self._wait(update)
            return False
        try:
            return book.apply(update)
        except BookError as error:
            BROKEN.labels(self._venue).inc()
            LOG.warning("%s", error, extra={"symbol": update["symbol"]})
            del self._books[update["symbol"]]
            self._wait(update)
            return False

    def _wait(self, update: BookRecord) -> None:
        symbol = update["symbol"]
        asked = symbol in self._waiting
        self._waiting.setdefault(symbol, deque(maxlen=WAITING)).append(update)
        if not asked:
            self._ask(symbol)
