"""Trades of gateways into Kafka: idempotent, keyed by symbol, none dropped: what cannot be sent yet is waited for."""

import asyncio
from collections.abc import Iterable, Mapping

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas import avro, broker
from schemas.codec import Encoder
from schemas.registered import Registry
from services.records import TradeRecord
from services.replay import PRODUCER, SILENT
from services.traces import Headers, Sent, Traces

SERVE_S = 0.02
FLUSH_TIMEOUT_S = 30
LIVE = {"client.id": "tickloom-feed", "linger.ms": 5, "message.timeout.ms": 0}
"""However long the broker is away: the queue fills, and the venue's connection is read no further."""


class PublishError(Exception):
    """The broker will never take what was sent: one line."""


class Publisher:
    """Sends trades to a topic; `kafka` and `registry` are properties of their clients.

    Raises RegistryError when the schema is not registered.
    """

    def __init__(
        self, kafka: Mapping[str, str], registry: Mapping[str, str], topic: str, traces: Traces | None = None
    ) -> None:
        self._encoder = Encoder(Registry(registry).schema_id(topic, avro.load("trade")), "trade")
        self._kafka, self._topic = kafka, topic
        self._producer = Producer({**PRODUCER, **LIVE, **kafka}, logger=SILENT)
        self._sent = Sent(traces, topic)
        self._failure: str | None = None

    async def send(self, trades: Iterable[TradeRecord]) -> None:
        """Hand trades over, in their order; waits while the queue is full. Raises PublishError."""
        for each in trades:
            value, headers = self._encoder.encode(each), self._sent.header(each["symbol"], each["ts_event"])
            while not self._produce(each, value, headers):
                await self._serve()
        self._check()

    async def run(self) -> None:
        """Hear what became of the trades, until cancelled. Raises PublishError."""
        while True:
            await self._serve()

    async def close(self) -> None:
        """Wait until everything is delivered. Raises PublishError when it is not."""
        left = await asyncio.to_thread(self._producer.flush, FLUSH_TIMEOUT_S)
        self._sent.end()
        self._check()
        if left:
            raise PublishError(f"{self._kafka['bootstrap.servers']}: {left:,} trades are not delivered")

    def _produce(self, trade: TradeRecord, value: bytes, headers: Headers) -> bool:
        """Whether there was room in the queue."""
        try:
            self._producer.produce(
                self._topic,
                value,
                trade["symbol"].encode(),
                timestamp=trade["ts_event"] // 1_000_000,
                on_delivery=self._delivered,
                headers=headers,
            )
        except BufferError:
            return False
        except KafkaException as error:
            self._failure = broker.reason(self._kafka, error)
        return True

    async def _serve(self) -> None:
        self._producer.poll(0)
        self._check()
        await asyncio.sleep(SERVE_S)

    def _check(self) -> None:
        if self._failure:
            raise PublishError(f"{self._kafka['bootstrap.servers']}: {self._topic}: {self._failure}")

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._failure = error.str()
