"""The latest candle of every symbol and resolution in Redis, for those who ask for it again and again.

`tickloom:candle:<resolution>:<symbol>` is the candle of the last window, of that the highest revision, as the bytes of
services.candle_json; a week after it was written it is gone.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import redis

from services import candle_json
from services.oracle import SECOND_NS, CandleKey
from services.projections.store import Store, StoreError, latest
from services.records import CandleRecord

PREFIX = "tickloom:candle:"
TTL_S = 7 * 24 * 3_600
"""Longer than markets close for holidays."""
CONNECT_TIMEOUT_S = 10
ANSWER_TIMEOUT_S = 60
FETCHED = 1_000
KEEP = """
local function rank(text)
  local candle = cjson.decode(text)
  return candle.window_start .. string.format(' %010d', candle.revision)
end
local known, held = pcall(rank, redis.call('get', KEYS[1]))
if known and held >= rank(ARGV[1]) then return 0 end
redis.call('set', KEYS[1], ARGV[1], 'ex', ARGV[2])
return 1
"""
"""Takes a candle where it is later than the one that is there. Its window is text that sorts as time does."""


def key(symbol: str, resolution: str) -> str:
    """Where the latest candle is."""
    return f"{PREFIX}{resolution}:{symbol}"


class Redis(Store):
    """`url` is redis://user:password@host:port/number, with TLS rediss://."""

    name = "redis"

    def __init__(self, url: str) -> None:
        with _one_line():
            self._client = redis.Redis.from_url(
                url, socket_connect_timeout=CONNECT_TIMEOUT_S, socket_timeout=ANSWER_TIMEOUT_S
            )
            self._client.ping()
        self._keep = self._client.register_script(KEEP)

    def prepare(self) -> None:
        """Keys need no preparation."""

    def write(self, candles: Iterable[CandleRecord]) -> None:
        # A script a candle, not one for all, and no transaction: readers are answered in between.
        with _one_line(), self._client.pipeline(transaction=False) as pipeline:
            for candle in latest(candles):
                place = key(candle["symbol"], candle["resolution"])
                self._keep([place], [candle_json.encode(candle), TTL_S], pipeline)
            pipeline.execute()

    def read(self) -> Iterator[dict[str, Any]]:
        with _one_line():
            keys = self._keys()
            for first in range(0, len(keys), FETCHED):
                some = keys[first : first + FETCHED]
                texts: Any = self._client.mget(some)
                for place, text in zip(some, texts, strict=True):
                    if text is not None:  # it has expired meanwhile
                        yield _candle(place, text)

    def expected(self, committed: Mapping[CandleKey, CandleRecord]) -> dict[CandleKey, CandleRecord]:
        return {CandleKey.of(each): each for each in latest(committed.values())}

    def may_lack(self, candle: CandleRecord) -> bool:
        """Whether its window ended so long ago that it may have expired, whenever it was written."""
        return bool(candle["window_end"] + TTL_S * SECOND_NS < time.time_ns())

    def retain(self, since: datetime) -> list[str]:
        """Nothing: candles expire."""
        return []

    def clear(self) -> None:
        with _one_line():
            keys = self._keys()
            for first in range(0, len(keys), FETCHED):
                self._client.unlink(*keys[first : first + FETCHED])

    def close(self) -> None:
        self._client.close()

    def _keys(self) -> list[str]:
        """Of the candles, in order; a scan may find one twice."""
        return sorted({found.decode() for found in self._client.scan_iter(f"{PREFIX}*", FETCHED)})


def _candle(place: str, text: bytes) -> dict[str, Any]:
    try:
        candle = candle_json.decode(text)
    except ValueError as error:
        raise ValueError(f"{place} holds no candle") from error
    if key(candle["symbol"], candle["resolution"]) != place:
        raise ValueError(f"{place} holds a candle of {candle['symbol']} {candle['resolution']}")
    return candle


@contextmanager
def _one_line() -> Iterator[None]:
    try:
        yield
    except (redis.RedisError, ValueError) as error:
        reason = " ".join(str(error).split()).rpartition(" of pipeline caused error: ")[-1]
        raise StoreError(f"Redis: {reason}") from error
