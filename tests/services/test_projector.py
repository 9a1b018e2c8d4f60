"""How far behind a projection is."""

from confluent_kafka import Consumer, TopicPartition

from services.projections.projector import lag_of


def test_what_is_not_known_yet_is_no_lag_of_nothing() -> None:
    consumer = Consumer({"bootstrap.servers": "127.0.0.1:1", "group.id": "unused", "log_level": 0})
    assert lag_of(consumer, {}) == 0, "a group's other members have every partition"
    consumer.assign([TopicPartition("md.candles.1s.v1", 0)])
    assert lag_of(consumer, {}) is None
    consumer.close()
