"""A reader of committed records sees what was committed, all of it, and nothing else."""

import time
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from uuid import uuid4

import pytest
from confluent_kafka import KafkaException, Producer

from deploy.stack import Stack
from schemas.codec import Encoder
from services.committed import CommittedReader, CommittedReadError
from tests.integration.test_replay import create_topic, register
from tests.services.tape import trade

pytestmark = pytest.mark.integration


class Writer:
    """A transactional producer of trades, one topic."""

    def __init__(self, stack: Stack) -> None:
        self.topic = create_topic(stack)
        self.encoder = Encoder(register(stack, self.topic), "trade")
        options = {"bootstrap.servers": stack.bootstrap_servers, "transactional.id": uuid4().hex}
        self.producer = Producer(options)
        self.producer.init_transactions(30)

    def write(self, *prices: str) -> None:
        self.producer.begin_transaction()
        for place, price in enumerate(prices):
            self.producer.produce(self.topic, self.encoder.encode(trade(1, price)), partition=place % 2)
        self.producer.flush(30)

    def commit(self, *prices: str) -> None:
        self.write(*prices)
        self.producer.commit_transaction(30)

    def abort(self, *prices: str) -> None:
        self.write(*prices)
        self.producer.abort_transaction(30)


@pytest.fixture
def writer(stack: Stack) -> Iterator[Writer]:
    writer = Writer(stack)
    yield writer
    with suppress(KafkaException):  # no transaction is open
        writer.producer.abort_transaction(30)


@pytest.fixture
def reader(stack: Stack, writer: Writer) -> Iterator[CommittedReader]:
    with CommittedReader(stack.kafka_client(), stack.registry_client(), {writer.topic: "trade"}) as reader:
        yield reader


def prices(reader: CommittedReader, timeout_s: float = 20) -> list[Decimal]:
    return sorted(each.record["price"] for each in reader.read_to_end(timeout_s))


def test_an_empty_topic_is_read_at_once(reader: CommittedReader) -> None:
    assert prices(reader, 5) == []


def test_only_committed_records_are_read_also_behind_an_aborted_end(writer: Writer, reader: CommittedReader) -> None:
    writer.commit("1", "2", "3")
    writer.abort("4", "5")
    writer.commit("6")
    writer.abort("7", "8")
    assert prices(reader) == [1, 2, 3, 6]


def test_an_open_transaction_hides_its_records_and_ends_no_reading(writer: Writer, reader: CommittedReader) -> None:
    writer.commit("1", "2")
    writer.write("3", "4")
    assert prices(reader) == [1, 2]
    writer.producer.commit_transaction(30)
    assert prices(reader) == [3, 4]


def test_following_live_notes_when_a_record_became_visible(writer: Writer, reader: CommittedReader) -> None:
    assert reader.poll(0.5) is None
    writer.write("1")
    assert reader.poll(1) is None
    before_ns = time.time_ns()
    writer.producer.commit_transaction(30)
    found = None
    while found is None and time.time_ns() - before_ns < 10 * 10**9:
        found = reader.poll(0.1)
    assert found is not None
    assert (found.topic, found.partition, found.offset, found.record["price"]) == (
        writer.topic,
        0,
        0,
        Decimal(1),
    )
    assert before_ns < found.visible_ns < time.time_ns()


def test_reading_that_takes_too_long_says_where_it_stands(writer: Writer, reader: CommittedReader) -> None:
    writer.commit("1", "2")
    with pytest.raises(CommittedReadError, match=rf"{writer.topic}\[0\].* not read within 0 s"):
        list(reader.read_to_end(0))


def test_a_topic_that_is_not_there_is_named(stack: Stack) -> None:
    topic = f"test.{uuid4().hex}"
    with pytest.raises(CommittedReadError, match=f"topic {topic}: .*Unknown topic"):
        CommittedReader(stack.kafka_client(), stack.registry_client(), {topic: "candle"})
