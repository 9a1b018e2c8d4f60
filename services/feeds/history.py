"""What a venue's connection has left out, asked for over HTTP: its trades are published late rather than never."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

import httpx
from prometheus_client import Counter

from services.feeds import asking
from services.feeds.venue import FeedError, Hole
from services.records import TradeRecord

PAGES_MAX = 100
LOG = logging.getLogger("tickloom.feed")
FILLED = Counter("tickloom_feed_filled_trades_total", "Trades that were left out and came over HTTP", ["venue"])

Publish = Callable[[Sequence[TradeRecord]], Awaitable[None]]


@runtime_checkable
class Archive(Protocol):
    """A venue that gives trades of the past."""

    @property
    def name(self) -> str:
        """As in symbols: `COINBASE`."""

    @property
    def history_url(self) -> str:
        """Of its HTTP interface."""

    def page(self, hole: Hole) -> str:
        """Path and query of some trades of a hole, from either end of it; others may be among them."""

    def past(self, hole: Hole, answer: Any, received_ns: int) -> Iterable[TradeRecord]:
        """The trades in an answer. Raises FeedError."""


class History:
    """Fills holes one after the other; `url` is another than the venue's."""

    def __init__(self, venue: Archive, holes: "asyncio.Queue[Hole]", publish: Publish, url: str | None = None) -> None:
        self._venue, self._holes, self._publish = venue, holes, publish
        self._url = url or venue.history_url
        FILLED.labels(venue.name)  # from nothing on: what is first seen at 1 has not increased

    async def run(self) -> None:
        """Until cancelled. Raises what `publish` raises."""
        async with httpx.AsyncClient(base_url=self._url, timeout=asking.TIMEOUT_S) as client:
            while True:
                hole = await self._holes.get()
                try:
                    await self._fill(client, hole)
                except (httpx.HTTPError, FeedError) as error:
                    LOG.warning("%s are not filled: %s", hole, error)
                finally:
                    self._holes.task_done()

    async def _fill(self, client: httpx.AsyncClient, hole: Hole) -> None:
        asked = hole
        for _ in range(PAGES_MAX):
            trades = await self._page(client, hole)
            await self._publish(trades)
            FILLED.labels(self._venue.name).inc(len(trades))
            left = hole.without(trades)
            if left is None:
                LOG.info("%s are filled", asked)
                return
            if left == hole:
                raise FeedError(f"{self._venue.name} does not have them")
            hole = left
            await asyncio.sleep(asking.PAUSE_S)
        raise FeedError(f"more than {PAGES_MAX} pages")

    async def _page(self, client: httpx.AsyncClient, hole: Hole) -> list[TradeRecord]:
        """Trades of a hole, each once, the oldest first."""
        answer = await asking.answer(client, self._venue.page(hole))
        try:
            found = list(self._venue.past(hole, answer, time.time_ns()))
        except FeedError:
            raise
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise FeedError(f"{self._venue.name}: {error!r}") from error
        trades = {each["sequence"] or 0: each for each in found}
        return [trades[number] for number in sorted(trades) if hole.first <= number <= hole.last]
