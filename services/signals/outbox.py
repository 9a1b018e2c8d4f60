"""Kafka's side of the intake: each record is waited for until Kafka has acknowledged it, unlike those of feeds."""

import asyncio
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas import avro
from schemas.codec import Encoder
from schemas.registered import Registry
from schemas.topics import SIGNALS, SIGNALS_REJECTED
from services.replay import PRODUCER, SILENT

SCHEMAS = {SIGNALS: "signal", SIGNALS_REJECTED: "rejected_trade"}
SEND_S = 30
"""For so long a record is sent anew; an idempotent producer writes it once."""
POLL_S = 0.1
LIVE = {"client.id": "tickloom-signals", "linger.ms": 1, "message.timeout.ms": SEND_S * 1_000}


class OutboxError(Exception):
    """Kafka has not acknowledged a record: one line."""


class Outbox:
    """Sends records to the topics of signals; `kafka` and `registry` are properties of their clients.

    Raises RegistryError when a schema is not registered.
    """

    def __init__(self, kafka: Mapping[str, str], registry: Mapping[str, str]) -> None:
        known = Registry(registry)
        self._encoders = {
            topic: Encoder(known.schema_id(topic, avro.load(name)), name) for topic, name in SCHEMAS.items()
        }
        self._producer = Producer({**PRODUCER, **LIVE, **kafka}, logger=SILENT)

    async def send(self, topic: str, key: str, record: Mapping[str, Any], ts_ns: int) -> None:
        """Return once Kafka has a record, stamped with a time. Raises OutboxError."""
        loop = asyncio.get_running_loop()
        acknowledged: asyncio.Future[None] = loop.create_future()

        def settle(error: KafkaError | None) -> None:
            if not acknowledged.done():
                acknowledged.set_exception(OutboxError(error.str())) if error else acknowledged.set_result(None)

        def delivered(error: KafkaError | None, _message: Message) -> None:
            loop.call_soon_threadsafe(settle, error)

        value, timestamp_ms = self._encoders[topic].encode(record), ts_ns // 1_000_000
        try:
            self._producer.produce(topic, value, key.encode(), timestamp=timestamp_ms, on_delivery=delivered)
        except (BufferError, KafkaException) as error:
            raise OutboxError(str(error)) from error
        await acknowledged

    async def run(self) -> None:
        """Hear what became of records, until cancelled."""
        while True:
            await asyncio.to_thread(self._producer.poll, POLL_S)

    async def check(self, timeout_s: float) -> None:
        """Raises OutboxError when Kafka does not answer in time."""
        try:
            await asyncio.to_thread(self._producer.list_topics, SIGNALS, timeout_s)
        except KafkaException as error:
            raise OutboxError(error.args[0].str()) from error
