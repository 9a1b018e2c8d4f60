"""A topic whose oldest trades are gone: the windows that the job has not seen from their start say so."""

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from deploy.stack import Stack
from services.oracle import SECOND_NS
from tests.integration.candle_job import START_NS, CandleJob, Feed, settings
from tests.integration.candle_output import Output
from tests.services.tape import trade

pytestmark = pytest.mark.integration

MINUTE_S = 60
BEFORE_S = 40
"""START_NS is so many seconds before the end of a minute."""


def test_first_window_after_a_start(stack: Stack) -> None:
    feed = Feed(stack, partitions=1)
    for second in range(0, 4 * MINUTE_S, 10):
        feed.send(0, trade(START_NS + second * SECOND_NS, symbol=feed.symbol("A"), trade_id=f"{second}"))
    feed.flush()
    admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers})
    admin.delete_records([TopicPartition(feed.topic, 0, 2)])[TopicPartition(feed.topic, 0, 2)].result(30)

    chosen = settings(stack, feed, resolutions="1s,1m", parallelism=1, stop_offsets=feed.stop_offsets)
    with CandleJob.submit(stack, chosen) as job, Output(stack, chosen, feed) as output:
        job.await_end()
        output.read_to_end()
    seconds = {
        (each["window_start"] - START_NS) // SECOND_NS: each["complete"]
        for each in output.candles
        if each["resolution"] == "1s"
    }
    assert seconds == {second: second > 20 for second in range(20, 4 * MINUTE_S, 10)}
    minutes = sorted(
        (each for each in output.candles if each["resolution"] == "1m"), key=lambda each: each["window_start"]
    )
    assert [each["complete"] for each in minutes] == [False, True, True, True, True]
