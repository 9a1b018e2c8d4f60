"""What is done with a venue's messages: trades are published, what is not understood is told, holes are counted."""

import logging

from prometheus_client import Counter, Gauge

from services.feeds.capture import Line
from services.feeds.publisher import Publisher
from services.feeds.venue import FeedError, RefusedError, Venue, read
from services.records import TradeRecord

LOG = logging.getLogger("tickloom.feed")
TRADES = Counter("tickloom_feed_trades_total", "Trades of a venue", ["venue"])
REJECTED = Counter("tickloom_feed_rejected_total", "Messages of a venue that are not understood", ["venue"])
MISSING = Counter("tickloom_feed_missing_trades_total", "Numbers that a venue's trades have left out", ["venue"])
BEHIND = Gauge("tickloom_feed_behind_seconds", "How long after it happened the last trade came", ["venue"])


class Feed:
    """The trades of a venue, on their way to a topic."""

    def __init__(self, venue: Venue, publisher: Publisher) -> None:
        self._venue, self._publisher = venue, publisher
        self._last: dict[str, int] = {}
        self.trades = 0
        for counter in (TRADES, REJECTED, MISSING):
            counter.labels(venue.name)  # from nothing on: what is first seen at 1 has not increased

    async def take(self, line: Line) -> None:
        """Publish the trades in a message; what is not understood is logged whole.

        Raises PublishError, and RefusedError while no trade has come.
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
        for each in found:
            self._note(each)
        await self._publisher.send(found)

    def _note(self, trade: TradeRecord) -> None:
        self.trades += 1
        TRADES.labels(self._venue.name).inc()
        BEHIND.labels(self._venue.name).set(((trade["ts_recv"] or 0) - trade["ts_event"]) / 1e9)
        symbol, number = trade["symbol"], trade["sequence"]
        if number is None:
            return
        last = self._last.get(symbol, number - 1)
        if number > last + 1:
            MISSING.labels(self._venue.name).inc(number - last - 1)
            LOG.warning("%s: trades %d to %d are missing", symbol, last + 1, number - 1, extra={"symbol": symbol})
        self._last[symbol] = max(last, number)
