"""What gateways bring into Kafka: idempotent, keyed by symbol, none dropped: what cannot be sent yet is waited for."""

import asyncio
from collections.abc import Iterable, Mapping

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas import avro, broker
from schemas.codec import Encoder
from schemas.registered import Registry
from services.records import BookRecord, QuoteRecord, TradeRecord
from services.replay import PRODUCER, SILENT
from services.traces import Headers, Sent, Traces

Record = TradeRecord | QuoteRecord | BookRecord

SERVE_S = 0.02
FLUSH_TIMEOUT_S = 30
LIVE = {"client.id": "tickloom-feed", "linger.ms": 5, "message.timeout.ms": 0}
"""However long the broker is away: the queue fills, and the venue's connection is read no further."""


class PublishError(Exception):
    """The broker will never take what was sent: one line."""


class Publisher:
    """Sends records to the topics of their schemas; `kafka` and `registry` are properties of their clients.

    Raises RegistryError when that of trades is not registered; `send` does for another.
    """

    def __init__(
        self,
        kafka: Mapping[str, str],
        registry: Mapping[str, str],
        topics: Mapping[str, str],
        traces: Traces | None = None,
    ) -> None:
        self._kafka, self._registry, self._topics = kafka, Registry(registry), topics
        self._encoders: dict[str, Encoder] = {}
        self._encoder("trade")
        self._producer = Producer({**PRODUCER, **LIVE, **kafka}, logger=SILENT)
        self._sent = Sent(traces, topics["trade"])
        self._failure: str | None = None

    async def send(self, schema: str, records: Iterable[Record]) -> None:
        """Hand records of a schema over, in their order; waits while the queue is full. Raises PublishError."""
        for each in records:
            value = self._encoder(schema).encode(each)
            headers = self._sent.header(each["symbol"], each["ts_event"]) if schema == "trade" else None
            while not self._produce(self._topics[schema], each, value, headers):
                await self._serve()
        self._check()

    async def run(self) -> None:
        """Hear what became of the records, until cancelled. Raises PublishError."""
        while True:
            await self._serve()

    async def close(self) -> None:
        """Wait until everything is delivered. Raises PublishError when it is not."""
        left = await asyncio.to_thread(self._producer.flush, FLUSH_TIMEOUT_S)
        self._sent.end()
        self._check()
        if left:
            raise PublishError(f"{self._kafka['bootstrap.servers']}: {left:,} records are not delivered")

    def _encoder(self, schema: str) -> Encoder:
        if schema not in self._encoders:
            identity = self._registry.schema_id(self._topics[schema], avro.load(schema))
            self._encoders[schema] = Encoder(identity, schema)
        return self._encoders[schema]

    def _produce(self, topic: str, record: Record, value: bytes, headers: Headers) -> bool:
        """Whether there was room in the queue."""
        try:
            self._producer.produce(
                topic,
                value,
                record["symbol"].encode(),
                timestamp=record["ts_event"] // 1_000_000,
                on_delivery=self._delivered,
                headers=headers,
            )
        except BufferError:
            return False
        except KafkaException as error:
            self._failure = f"{topic}: {broker.reason(self._kafka, error)}"
        return True

    async def _serve(self) -> None:
        self._producer.poll(0)
        self._check()
        await asyncio.sleep(SERVE_S)

    def _check(self) -> None:
        if self._failure:
            raise PublishError(f"{self._kafka['bootstrap.servers']}: {self._failure}")

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failure = f"{message.topic()}: {error.str()}"
