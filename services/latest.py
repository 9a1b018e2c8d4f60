"""The latest candles as services.projections.redis keeps them, ready to be sent."""

from collections.abc import Awaitable, Sequence
from typing import Any, Self, cast

from prometheus_client import Counter
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from services.projections.redis import key

CONNECTIONS_MAX = 32
TIMEOUT_S = 0.25
"""For a connection, and for an answer: the database answers too."""

REQUESTS = Counter(
    "tickloom_cache_requests_total",
    "Latest candles: from memory, known to Redis, unknown, not told",
    ["result"],
)


class Latest:
    """Asks the Redis at `url`. What it does not know, or does not tell in time, is to be looked up elsewhere."""

    def __init__(self, url: str) -> None:
        timeouts = dict.fromkeys(("timeout", "socket_timeout", "socket_connect_timeout"), TIMEOUT_S)
        pool = BlockingConnectionPool.from_url(url, max_connections=CONNECTIONS_MAX, **timeouts)
        self._client = Redis.from_pool(pool)

    async def candles(self, symbols: Sequence[str], resolution: str) -> Sequence[bytes | None]:
        """The JSON object of each symbol's last window, None where it is not known."""
        found = await _answer(self._client.mget([key(symbol, resolution) for symbol in symbols]))
        if found is None:
            return [None] * len(symbols)
        for each in found:
            REQUESTS.labels("hit" if each else "miss").inc()
        return cast("Sequence[bytes | None]", found)

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def _answer(question: Awaitable[Any]) -> Any:
    """What Redis answers, or None, which is counted."""
    try:
        return await question
    except RedisError:
        REQUESTS.labels("error").inc()
        return None
