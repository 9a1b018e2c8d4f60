"""The newest committed candle of every symbol that came since this process began, told without asking anybody."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cachetools import LRUCache
from confluent_kafka import Message

from services.candle_json import encode

MEMORY_BYTES = 128 << 20
ENTRY_BYTES = 500
"""What an entry takes besides its record."""

Decode = Callable[[Message], dict[str, Any] | None]


@dataclass(slots=True)
class _Kept:
    message: Message
    encoded: bytes | None = None
    """Made when somebody asks: most are never asked for."""


class Newest:
    """Candles as they came, by topic and symbol; those that nobody asks for give way when memory is full."""

    def __init__(self, decode: Decode) -> None:
        self._decode = decode
        self._kept: LRUCache[tuple[str, bytes], _Kept] = LRUCache(MEMORY_BYTES, getsizeof=_size)

    def take(self, message: Message) -> None:
        """Keep it unless a later window is known.

        A record's time is the end of its window, and revisions of a window follow one another in its partition.
        """
        place = message.topic() or "", message.key() or b""
        known = self._kept.get(place)
        if known is None or message.timestamp() >= known.message.timestamp():
            self._kept[place] = _Kept(message)

    def candle(self, topic: str, symbol: str) -> bytes | None:
        """The JSON object of the symbol's newest candle of a topic, None where none has come."""
        kept = self._kept.get((topic, symbol.encode()))
        if kept and kept.encoded is None and (record := self._decode(kept.message)):
            kept.encoded = encode(record)
        return kept.encoded if kept else None


def _size(kept: _Kept) -> int:
    return 2 * len(kept.message.value() or b"") + ENTRY_BYTES
