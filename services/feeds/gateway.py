"""A connection to a venue that comes back: subscribed again after every loss, ever later while the venue is away."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Sequence

from prometheus_client import Counter, Gauge
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential_jitter
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from services.feeds.capture import Line
from services.feeds.venue import BeginAnewError, Channel, Venue

PING_S = 20
OPEN_TIMEOUT_S = 10
CLOSE_TIMEOUT_S = 2
MESSAGE_BYTES = 16 << 20
WAITING = 1_024
"""Messages that may wait for Kafka. Beyond that the venue's connection is not read: nothing is dropped here."""
REQUEST_EVERY_S = 0.2
"""Venues allow a few requests a second."""
LOST = (OSError, WebSocketException, BeginAnewError)  # a time-out is an OSError
LOG = logging.getLogger("tickloom.feed")
CONNECTED = Gauge("tickloom_feed_connected", "1 while a venue's messages come", ["venue"])
CONNECTIONS = Counter("tickloom_feed_connections_total", "Attempts to connect to a venue", ["venue"])
MESSAGES = Counter("tickloom_feed_messages_total", "Messages of a venue", ["venue"])

Take = Callable[[Line], Awaitable[None]]


def _nothing() -> None:
    pass


class Gateway:
    """Hands the messages of some pairs at a venue to `take`, one after the other; `url` is another than the venue's.

    `connected` is called before the first message of every connection.
    """

    def __init__(
        self,
        venue: Venue,
        pairs: Sequence[str],
        channels: Collection[Channel],
        take: Take,
        url: str | None = None,
        connected: Callable[[], None] = _nothing,
    ) -> None:
        self._venue, self._pairs, self._channels, self._take = venue, pairs, channels, take
        self._url, self._connected = url or venue.url, connected

    async def run(self) -> None:
        """Until cancelled. Raises what `take` raises."""
        while True:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception_type(LOST),
                wait=wait_exponential_jitter(initial=0.5, max=60, jitter=0.5),
                before_sleep=self._tell,
            ):
                with attempt:
                    await self._connect()

    async def _connect(self) -> None:
        """One connection. Raises one of LOST when no message has come; one that was alive is followed at once."""
        CONNECTIONS.labels(self._venue.name).inc()
        received = 0
        try:
            async with connect(
                self._url,
                open_timeout=OPEN_TIMEOUT_S,
                close_timeout=CLOSE_TIMEOUT_S,
                ping_interval=PING_S,
                ping_timeout=PING_S,
                max_size=MESSAGE_BYTES,
                max_queue=WAITING,
            ) as socket:
                self._connected()
                for request in self._venue.requests(self._pairs, self._channels):
                    await socket.send(request)
                    await asyncio.sleep(REQUEST_EVERY_S)
                while True:
                    async with asyncio.timeout(self._venue.silence_s):
                        message = await socket.recv(decode=True)
                    received += 1
                    await self._took(message)
        except LOST as error:
            if not received:
                raise
            LOG.warning("%s: connection lost after %d messages: %s", self._venue.name, received, _reason(error))
        finally:
            CONNECTED.labels(self._venue.name).set(0)

    async def _took(self, message: str) -> None:
        CONNECTED.labels(self._venue.name).set(1)
        MESSAGES.labels(self._venue.name).inc()
        await self._take(Line(time.time_ns(), message))

    def _tell(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        wait_s = state.next_action.sleep if state.next_action else 0
        LOG.warning("%s: no connection to %s: %s; again in %.1f s", self._venue.name, self._url, _reason(error), wait_s)


def _reason(error: BaseException | None) -> str:
    return "nothing came" if isinstance(error, TimeoutError) else str(error)
