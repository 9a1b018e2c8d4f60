"""Whole order books of venues that give them over HTTP alone."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, runtime_checkable

import httpx

from services.feeds import asking
from services.feeds.venue import FeedError
from services.records import BookRecord

LOG = logging.getLogger("tickloom.feed")

TakeBook = Callable[[BookRecord], Awaitable[None]]


@runtime_checkable
class BookArchive(Protocol):
    """A venue whose WebSocket tells changes of a book alone."""

    @property
    def name(self) -> str:
        """As in symbols: `BINANCE`."""

    @property
    def history_url(self) -> str:
        """Of its HTTP interface."""

    def book_page(self, pair: str) -> str:
        """Path and query of the book of a pair."""

    def whole_book(self, pair: str, answer: Any, received_ns: int) -> BookRecord:
        """The snapshot in an answer. Raises FeedError."""


class Snapshots:
    """Asks for books one after the other, again for one that is not given; `url` is another than the venue's."""

    def __init__(
        self, venue: BookArchive, wanted: "asyncio.Queue[str]", take: TakeBook, url: str | None = None
    ) -> None:
        self._venue, self._wanted, self._take = venue, wanted, take
        self._url = url or venue.history_url

    async def run(self) -> None:
        """Until cancelled. Raises what `take` raises."""
        async with httpx.AsyncClient(base_url=self._url, timeout=asking.TIMEOUT_S) as client:
            while True:
                pair = await self._wanted.get()
                try:
                    await self._take(await self._book(client, pair))
                except (httpx.HTTPError, FeedError) as error:
                    LOG.warning("%s: no snapshot of its book: %s", pair, error)
                    self._wanted.put_nowait(pair)
                await asyncio.sleep(asking.PAUSE_S)

    async def _book(self, client: httpx.AsyncClient, pair: str) -> BookRecord:
        found = await asking.answer(client, self._venue.book_page(pair))
        try:
            return self._venue.whole_book(pair, found, time.time_ns())
        except FeedError:
            raise
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise FeedError(f"{self._venue.name}: {error!r}") from error
