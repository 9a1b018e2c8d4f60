"""What makes a deletion from users' own tables one from Kafka, too: nothing of the row is left in the topics' files."""

import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from confluent_kafka import KafkaException, Producer

from jobs.settings import Settings
from schemas.topics import USERS
from services import users

NO_ROW = UUID(int=0)
TOUCH_S = 10
FLUSH_TIMEOUT_S = 30


@dataclass
class Segments:
    """Those of users' topics, which end, and are compacted, when something is written after a while."""

    producer: Producer
    _last_s: float = -math.inf

    def touch(self, now_s: float) -> None:
        """Every TOUCH_S, send each topic the end of a row that never was."""
        if now_s - self._last_s < TOUCH_S:
            return
        self._last_s = now_s
        with suppress(KafkaException):  # the connector fails likewise
            for topic in USERS:
                self.producer.produce(topic, key=_key(NO_ROW))
            self.producer.poll(0)


def on(settings: Settings, topic: str) -> set[bytes]:
    """The keys of the rows that a topic has. Raises CommittedReadError."""
    last = users.last(settings.kafka_client(), topic)
    return {key for key, message in last.items() if message.value() is not None}


def end(producer: Producer, topic: str, found: set[bytes], kept: Iterable[UUID]) -> None:
    """End the rows of a topic that are not in its table any more."""
    for key in found - {_key(each) for each in kept}:
        producer.produce(topic, key=key)
    producer.flush(FLUSH_TIMEOUT_S)


def _key(row: UUID) -> bytes:
    return f'{{"id":"{row}"}}'.encode()
