"""Questions to a venue's HTTP interface, asked again while it is away or asks for patience."""

import json
from decimal import Decimal
from typing import Any

import httpx
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_exponential_jitter

from services.feeds.venue import SHOWN, FeedError

TIMEOUT_S = 10
GIVE_UP_S = 300
"""A venue that was away is often back by then."""
PAUSE_S = 1.0
"""Every venue allows a request a second."""


class _BusyError(httpx.HTTPError):
    """The venue does not answer now, or asks for patience."""


async def answer(client: httpx.AsyncClient, path: str) -> Any:
    """What the venue answers, parsed: numbers with a fraction are Decimals. Raises httpx.HTTPError, FeedError."""
    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(_BusyError),
        wait=wait_exponential_jitter(initial=1, max=60),
        stop=stop_after_delay(GIVE_UP_S),
        reraise=True,
    ):
        with attempt:
            found = await _asked(client, path)
    try:
        return json.loads(found, parse_float=Decimal)
    except ValueError as error:
        raise FeedError(f"{error!r} in {found[:SHOWN]!r}") from error


async def _asked(client: httpx.AsyncClient, path: str) -> bytes:
    try:
        found = await client.get(path)
    except httpx.TransportError as error:
        raise _BusyError(str(error) or type(error).__name__) from error
    if found.status_code in (418, 429) or found.is_server_error:
        raise _BusyError(f"{found.status_code} {found.reason_phrase}")
    found.raise_for_status()
    return found.content
