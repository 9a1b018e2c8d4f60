"""The newest record of every symbol in a topic of which only that is asked for."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaException

from services.api.tail import StreamError, Tail

LOOK_BACK = 2_000
"""Records of each partition that are read when the API starts."""
RETRY_S = 5
LOG = logging.getLogger("tickloom.api")
Record = Mapping[str, Any]


class Board:
    """Follows a topic; holds a record a symbol, that of the highest `age`."""

    def __init__(self, tail: Tail, topic: str, age: Callable[[Record], tuple[int, ...]]) -> None:
        self._tail, self._topic, self._age = tail, topic, age
        self._newest: dict[str, Record] = {}

    async def run(self) -> None:
        """Follow until cancelled. Where no job has written it there is no topic, and it is looked for again."""
        while True:
            try:
                begin = await self._tail.recent(self._topic, LOOK_BACK)
                async for _, record in self._tail.follow(self._topic, begin):
                    if record:
                        self._take(record)
            except (StreamError, KafkaException) as error:
                LOG.debug("%s: %s", self._topic, error)
            await asyncio.sleep(RETRY_S)

    def of(self, symbol: str) -> Record | None:
        """The newest of a symbol, None where there is none."""
        return self._newest.get(symbol)

    def all(self) -> list[Record]:
        """Of every symbol, by name."""
        return [self._newest[symbol] for symbol in sorted(self._newest)]

    def _take(self, record: Record) -> None:
        held = self._newest.get(record["symbol"])
        if held is None or self._age(held) <= self._age(record):
            self._newest[record["symbol"]] = record
