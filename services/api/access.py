"""Who may ask what, and how often: keys with roles, and a limit of requests for each of them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fastapi import HTTPException
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from starlette.requests import HTTPConnection

Role = Literal["read", "operate"]
"""`read` sees the data, `operate` also the pipeline and the metrics."""
ROLES: tuple[Role, ...] = ("read", "operate")


class KeysError(ValueError):
    """The file of keys is none: one line that says what it should be."""


@dataclass(frozen=True)
class Caller:
    """Who asks: the name of a key, or the address where none is needed."""

    name: str
    role: Role


def digest(key: str) -> str:
    """What the file of keys holds of one; a key has enough randomness to need no slow hash."""
    return hashlib.sha256(key.encode()).hexdigest()


def load_keys(file: Path) -> dict[str, Caller]:
    """Callers by the digest of their key, from JSON such as {"desk": {"sha256": "…", "role": "read"}}.

    Raises KeysError.
    """
    try:
        named = json.loads(file.read_text())
        found = {each["sha256"]: Caller(name, each["role"]) for name, each in named.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise KeysError(f'{file}: not of the form {{"NAME": {{"sha256": …, "role": …}}}} ({error})') from None
    for caller in found.values():
        if caller.role not in ROLES:
            raise KeysError(f"{file}: {caller.name} has the role {caller.role!r}, allowed are {' and '.join(ROLES)}")
    return found


class Gate:
    """Lets callers through. Without keys everyone may do everything."""

    def __init__(self, keys: Mapping[str, Caller], limit: str) -> None:
        self._keys = keys
        self._limit: RateLimitItem = parse(limit)
        # A counter for each caller: a window of all requests makes every one wait for a thread that drops the old ones.
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def reader(self, connection: HTTPConnection) -> Caller:
        """Who asks for data. Raises HTTPException 401 or 429."""
        caller = self._caller(connection)
        if not await self._limiter.hit(self._limit, caller.name):
            wait_s = self._limit.get_expiry()
            raise HTTPException(429, f"more than {self._limit}", {"Retry-After": str(wait_s)})
        return caller

    async def operator(self, connection: HTTPConnection) -> Caller:
        """Who asks for the pipeline. Raises HTTPException 401, 403 or 429."""
        caller = await self.reader(connection)
        if caller.role != "operate":
            raise HTTPException(403, "the role of this key is read; this needs operate")
        return caller

    def _caller(self, connection: HTTPConnection) -> Caller:
        if not self._keys:
            return Caller(connection.client.host if connection.client else "", "operate")
        scheme, _, key = connection.headers.get("authorization", "").partition(" ")
        caller = self._keys.get(digest(key.strip())) if scheme.lower() == "bearer" else None
        if caller is None:
            raise HTTPException(401, "send a key: Authorization: Bearer KEY", {"WWW-Authenticate": "Bearer"})
        return caller
