"""What the candle job's own reader of partitions does beside handing on their records."""

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, Producer
from confluent_kafka.admin import AdminClient

from deploy.stack import Stack
from jobs import kafka
from jobs.settings import Settings
from services.oracle import SECOND_NS
from tests.integration.candle_job import START_NS, CandleJob, Feed, settings, wait_until
from tests.integration.candle_output import Output
from tests.services.tape import trade

pytestmark = pytest.mark.integration

PARTITIONS = (0, 1)
TRADES = 5


@pytest.fixture
def feed(stack: Stack) -> Feed:
    """Two partitions with a few trades each."""
    made = Feed(stack, len(PARTITIONS))
    for partition in PARTITIONS:
        for number in range(TRADES):
            made.send(partition, trade(START_NS + number * SECOND_NS, symbol=made.symbol(f"P{partition}")))
    made.flush()
    return made


def committed(stack: Stack, chosen: Settings) -> dict[int, int]:
    """How far the job's group has come, by partition."""
    admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers})
    group = kafka.consumer_group(chosen)
    offsets = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result(30)
    return {each.partition: each.offset for each in offsets.topic_partitions or []}


def abort(stack: Stack, feed: Feed, partition: int) -> None:
    """Write a trade whose transaction is aborted: it takes an offset, and the marker of the abort another."""
    producer = Producer({"bootstrap.servers": stack.bootstrap_servers, "transactional.id": feed.name, "log_level": 0})
    producer.init_transactions(30)
    producer.begin_transaction()
    value = feed.encoder.encode(trade(START_NS, symbol=feed.symbol(f"P{partition}")))
    producer.produce(feed.topic, value, partition=partition, timestamp=START_NS // 1_000_000)
    producer.flush(30)
    producer.abort_transaction(30)
    feed.ends[partition] += 2


def test_the_group_shows_how_far_a_running_job_has_read(stack: Stack, feed: Feed) -> None:
    chosen = settings(stack, feed)
    with CandleJob.submit(stack, chosen) as job:
        job.await_read(TRADES * len(PARTITIONS))
        job.checkpoint()
        wait_until(lambda: committed(stack, chosen) == feed.ends, "the group's offsets")


def test_a_partition_that_ends_with_an_aborted_transaction_is_read_to_its_end(stack: Stack, feed: Feed) -> None:
    abort(stack, feed, partition=1)
    chosen = settings(stack, feed, stop_offsets=feed.stop_offsets)
    with CandleJob.launch(stack, chosen) as job, Output(stack, chosen, feed) as output:
        job.await_end()
        output.read_to_end()
    assert sum(output.counts().values()) == TRADES * len(PARTITIONS)
    wait_until(lambda: committed(stack, chosen) == feed.ends, "the group's offsets")


def test_a_partition_that_is_to_end_within_a_poll_ends_there(stack: Stack, feed: Feed) -> None:
    chosen = settings(stack, feed, stop_offsets=f"0:{TRADES - 2},1:0")
    with CandleJob.launch(stack, chosen) as job, Output(stack, chosen, feed) as output:
        job.await_end()
        output.read_to_end()
    assert sum(output.counts().values()) == TRADES - 2


def test_a_task_without_a_partition_waits_and_ends_with_the_others(stack: Stack, feed: Feed) -> None:
    chosen = settings(stack, feed, parallelism=len(PARTITIONS) + 1, stop_offsets=feed.stop_offsets)
    with CandleJob.launch(stack, chosen) as job, Output(stack, chosen, feed) as output:
        job.await_end()
        output.read_to_end()
    assert sum(output.counts().values()) == TRADES * len(PARTITIONS)
