"""A topic as the input of a bounded run: what it holds now."""

from typing import Any

import pyarrow as pa
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from deploy.errors import UserError
from jobs.settings import Settings
from schemas import broker

TIMEOUT_S = 10
MESSAGES_PER_POLL = 10_000


class Topic:
    """The committed messages of a topic at the moment this is made. Raises UserError when it cannot be read."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._options: dict[str, str] = {**OPTIONS, "group.id": broker.looking_group(), **settings.kafka_client()}
        self.ranges = self._ranges(settings.brokers)
        if all(first == end for first, end in self.ranges.values()):
            raise UserError(f"topic {name} at {settings.brokers} is empty")

    def connector_options(self) -> dict[str, str]:
        return {}

    def settings(self, settings: Settings) -> Settings:
        """The settings with this topic and its ends."""
        ends = ",".join(f"{partition}:{end}" for partition, (first, end) in self.ranges.items() if end > first)
        return settings.model_copy(update={"trades_topic": self.name, "stop_offsets": ends})

    def count(self, accounted: int) -> int:
        """The number of messages: that of the offsets, unless some of these hold none (compaction, transactions)."""
        offsets = sum(end - first for first, end in self.ranges.values())
        return offsets if accounted == offsets else self._count_by_reading()

    def places(self, rejected: pa.Table) -> dict[str, Any]:
        return {name: rejected[name] for name in ("topic", "partition", "offset")}

    def _ranges(self, brokers: str) -> dict[int, tuple[int, int]]:
        consumer = Consumer(self._options)
        try:
            found = consumer.list_topics(self.name, timeout=TIMEOUT_S).topics[self.name]
            if found.error is not None:
                raise UserError(f"{self.name} is neither a file nor a topic at {brokers}: {found.error.str()}")
            return {
                partition: consumer.get_watermark_offsets(TopicPartition(self.name, partition), timeout=TIMEOUT_S)
                for partition in found.partitions
            }
        except KafkaException as error:
            raise UserError(
                f"{self.name} is no file, and no broker answers at {brokers} to ask for a topic of that name: "
                f"{broker.reason(self._options, error)}"
            ) from error
        finally:
            consumer.close()

    def _count_by_reading(self) -> int:
        consumer = Consumer(self._options)
        pending = {partition for partition, (first, end) in self.ranges.items() if end > first}
        consumer.assign([TopicPartition(self.name, partition, self.ranges[partition][0]) for partition in pending])
        count = 0
        try:
            while pending:
                messages = consumer.consume(MESSAGES_PER_POLL, TIMEOUT_S)
                if not messages:
                    raise UserError(f"topic {self.name}: the broker stopped answering while its messages were counted")
                for message in messages:
                    is_end = _is_end(message, self.name)
                    count += not is_end and message.offset() < self.ranges[message.partition()][1]
                    if is_end or message.offset() + 1 >= self.ranges[message.partition()][1]:
                        pending.discard(message.partition())
        finally:
            consumer.close()
        return count


def _is_end(message: Any, topic: str) -> bool:
    error = message.error()
    if error is not None and error.code() != KafkaError._PARTITION_EOF:
        raise UserError(f"topic {topic}: {error.str()}")
    return error is not None


OPTIONS = {
    "client.id": "tickloom-backfill",
    "isolation.level": "read_committed",
    "enable.auto.commit": "false",
    "enable.partition.eof": "true",
}
