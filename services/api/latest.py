"""The latest candles, from where they are known soonest: this process, Redis, PostgreSQL."""

from collections.abc import Sequence

from schemas import topics
from services.api.candle_pages import CandlePages
from services.api.tail import Tail
from services.candle_json import encode
from services.latest import REQUESTS, Latest


class LatestCandles:
    """Asks one after the other for what the one before does not know."""

    def __init__(self, tail: Tail, cache: Latest, pages: CandlePages) -> None:
        self._tail, self._cache, self._pages = tail, cache, pages

    async def encoded(self, symbols: Sequence[str], resolution: str) -> list[bytes]:
        """The JSON object of each symbol that has a candle. Raises psycopg.Error when the database does not answer."""
        found = self._here(symbols, resolution)
        for ask in (self._cached, self._stored):
            if missing := [symbol for symbol in symbols if symbol not in found]:
                found |= await ask(missing, resolution)
        return [found[symbol] for symbol in symbols if symbol in found]

    def _here(self, symbols: Sequence[str], resolution: str) -> dict[str, bytes]:
        topic = topics.candles(resolution)
        found = {symbol: candle for symbol in symbols if (candle := self._tail.newest(topic, symbol))}
        REQUESTS.labels("memory").inc(len(found))
        return found

    async def _cached(self, symbols: Sequence[str], resolution: str) -> dict[str, bytes]:
        known = await self._cache.candles(symbols, resolution)
        return {symbol: candle for symbol, candle in zip(symbols, known, strict=True) if candle}

    async def _stored(self, symbols: Sequence[str], resolution: str) -> dict[str, bytes]:
        return {each["symbol"]: encode(each) for each in await self._pages.latest(list(symbols), resolution)}
