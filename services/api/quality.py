"""The latest judged minute of every symbol, of what the quality job says."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaException

from schemas.topics import QUALITY
from services.api.answers import QualityAnswer
from services.api.tail import StreamError, Tail
from services.candle_json import instant_text

LOOK_BACK = 2_000
"""Records of each partition that are read when the API starts."""
RETRY_S = 5
LOG = logging.getLogger("tickloom.api")


class QualityBoard:
    """Follows the topic; holds a record a symbol."""

    def __init__(self, tail: Tail) -> None:
        self._tail = tail
        self._latest: dict[str, Mapping[str, Any]] = {}

    async def run(self) -> None:
        """Follow until cancelled. Where no quality job has run there is no topic, and it is looked for again."""
        while True:
            try:
                async for _, record in self._tail.follow(QUALITY, await self._tail.recent(QUALITY, LOOK_BACK)):
                    if record:
                        self._take(record)
            except (StreamError, KafkaException) as error:
                LOG.debug("%s: %s", QUALITY, error)
            await asyncio.sleep(RETRY_S)

    def answers(self) -> list[QualityAnswer]:
        """A symbol each, by name."""
        return [_answer(self._latest[symbol]) for symbol in sorted(self._latest)]

    def _take(self, record: Mapping[str, Any]) -> None:
        held = self._latest.get(record["symbol"])
        if held is None or _age(held) <= _age(record):
            self._latest[record["symbol"]] = record


def _age(record: Mapping[str, Any]) -> tuple[int, int]:
    return record["window_start"], record["revision"]


def _answer(record: Mapping[str, Any]) -> QualityAnswer:
    names = ("symbol", "trades", "late", "rejected", "score", "finding")
    values = {name: record[name] for name in names}
    return QualityAnswer.model_validate({**values, "window_start": instant_text(record["window_start"])})
