"""What became of every delivery, in Redis: the memory that several intakes share, and that outlives them."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

PREFIX = "tickloom:signal:"
REMEMBERED_S = 7 * 24 * 3_600
"""Longer than a service repeats a delivery: Telegram does for a day, the schedule of Standard Webhooks is three."""
LEASE_S = 60
"""How long a delivery may be in the hands of one intake; longer than sending takes (outbox.SEND_S)."""
REDIS_TIMEOUT_S = 1
LOG = logging.getLogger("tickloom.signals")


class AwayError(Exception):
    """Redis does not answer, or another intake has the delivery in hand."""


class Memory:
    """Remembers in the Redis at `url`."""

    def __init__(self, url: str) -> None:
        self._client = Redis.from_url(url, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S)

    async def once(self, identity: str, work: Callable[[], Awaitable[str]], wait_s: float) -> tuple[str, bool]:
        """The result of work for an id, and whether it was there before: done by one at a time, by none after it.

        Waits a while for another who does it. Raises AwayError, before the work, and what the work raises.
        """
        place = f"{PREFIX}{identity}"
        lease = self._client.lock(f"{place}:lease", timeout=LEASE_S, blocking_timeout=wait_s)
        try:
            if not await lease.acquire():
                raise AwayError("another intake has this delivery in hand")
            known = await self._client.get(place)
            if known is None:
                found = await work()
                await self._remember(place, found)
        except RedisError as error:
            raise AwayError(f"Redis: {error}") from error
        finally:
            with suppress(RedisError):  # not ours, or it lapses
                await lease.release()
        return (found, False) if known is None else (known.decode(), True)

    async def check(self) -> None:
        """Raises AwayError when Redis does not answer."""
        try:
            await self._client.ping()
        except RedisError as error:
            raise AwayError(f"Redis: {error}") from error

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()

    async def _remember(self, place: str, found: str) -> None:
        try:
            await self._client.set(place, found, ex=REMEMBERED_S)
        except RedisError as error:  # the work is done all the same
            LOG.warning("Redis: a delivery is not remembered: %s", error)
