"""What the topics hold of users' own tables, as it may be shown."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from confluent_kafka import Consumer, KafkaError, Message

from schemas import broker, users
from services import logs
from services.committed import READER, CommittedReadError, beginnings

LOG = logging.getLogger("tickloom.users")
TIMEOUT_S = 10


def rows(kafka: Mapping[str, str], table: str) -> Iterator[dict[str, Any]]:
    """Of every key its last row, masked; `kafka` are properties of a client. What is no change is told by its place.

    Raises CommittedReadError when the broker or the topic is not there.
    """
    for message in last(kafka, f"users.{table}.v1").values():
        try:
            change = json.loads(message.value() or b"{}")
            row = users.masked(table, change.get("after") or {})
        except (ValueError, AttributeError):  # its text would tell the value
            logs.warn_of(LOG, message.topic(), message.partition(), message.offset(), "no change of a row")
            continue
        if row:
            yield row


def last(kafka: Mapping[str, str], topic: str) -> dict[bytes, Message]:
    """Of every key the last message. Raises CommittedReadError."""
    return {message.key(): message for message in _to_end(kafka, topic)}


def _to_end(kafka: Mapping[str, str], topic: str) -> Iterator[Message]:
    with closing(Consumer({**READER, "group.id": broker.looking_group(), **kafka})) as consumer:
        consumer.assign(beginnings(consumer, kafka, topic))
        while (message := consumer.poll(TIMEOUT_S)) is not None:  # one without a value is false
            if error := message.error():
                if error.code() == KafkaError._PARTITION_EOF:
                    return
                raise CommittedReadError(f"{topic}: {error.str()}")
            yield message
    raise CommittedReadError(f"{topic}: no answer from {kafka['bootstrap.servers']} within {TIMEOUT_S} s")
