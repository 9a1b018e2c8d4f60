"""The bar job on Kafka: exactly-once topics, late trades counted, and the open bar carried over a restart."""

from collections.abc import Iterator
from typing import Any

import pytest

from deploy.stack import Stack
from jobs import topics
from jobs.kafka import bar_sinks
from jobs.settings import Settings
from schemas.topics import BARS_LATE
from schemas.topics import bars as bars_topic
from services.committed import CommittedReader
from services.oracle import SECOND_NS
from tests.integration.candle_job import START_NS, TIMEOUT_S, CandleJob, Feed, settings, wait_until
from tests.services.tape import trade

pytestmark = [pytest.mark.integration, pytest.mark.thorough]


class Committed:
    """What is committed of a feed, by topic."""

    def __init__(self, stack: Stack, chosen: Settings, symbol: str) -> None:
        self._reader = CommittedReader(
            stack.kafka_client(), stack.registry_client(), {topic: schema for _, topic, schema in bar_sinks(chosen)}
        )
        self._symbol = symbol
        self._records: dict[str, list[dict[str, Any]]] = {}

    def of(self, topic: str) -> list[dict[str, Any]]:
        """The records of a topic so far."""
        for found in self._reader.read_to_end(TIMEOUT_S):
            if found.record["symbol"] == self._symbol:
                self._records.setdefault(found.topic, []).append(found.record)
        return self._records.get(topic, [])

    def close(self) -> None:
        """Leave the broker."""
        self._reader.close()


@pytest.fixture
def feed(stack: Stack) -> Feed:
    return Feed(stack, partitions=1)


@pytest.fixture
def chosen(stack: Stack, feed: Feed) -> Settings:
    return settings(stack, feed, out_of_orderness="1s", bars="tick=2,tick_run=2", parallelism=1)


@pytest.fixture
def committed(stack: Stack, feed: Feed, chosen: Settings) -> Iterator[Committed]:
    topics.prepare(chosen, "bars")
    reader = Committed(stack, chosen, feed.symbol("A"))
    yield reader
    reader.close()


def test_late_trades_and_cancels_are_counted_and_the_open_bar_survives_a_restart(
    stack: Stack, feed: Feed, chosen: Settings, committed: Committed
) -> None:
    def send(second: float, trade_id: str, **fields: Any) -> None:
        fields = {"symbol": feed.symbol("A"), "trade_id": trade_id, **fields}
        feed.send(0, trade(START_NS + int(second * SECOND_NS), **fields))
        feed.flush()

    def late() -> list[tuple[str, str]]:
        return [(row["reason"], row["trade_id"]) for row in committed.of(BARS_LATE)]

    def sampled() -> list[tuple[int, int, int, int]]:
        return [
            (bar["number"], (bar["first_ts_event"] - START_NS) // SECOND_NS, bar["trade_count"], bar["duplicate_count"])
            for bar in committed.of(bars_topic("tick"))
        ]

    with CandleJob.submit(stack, chosen, file="jobs/bars.py") as job:
        send(1, "second")
        send(0, "first")
        send(1, "second")
        send(2, "third, in the open bar")
        send(9, "moves the clock to 8")
        wait_until(lambda: sampled() == [(0, 0, 2, 0)], "the first bar")
        send(2, "late")
        send(2, "busted", action="cancel", original_trade_id="first", original_ts_event=START_NS)
        wait_until(lambda: late() == [("late", "late"), ("cancel", "first")], "the late rows")
        savepoint = job.stop()

    with CandleJob.submit(stack, chosen, savepoint=savepoint, file="jobs/bars.py"):
        send(1.5, "late for its symbol, though no watermark has come yet")
        send(8, "fourth")
        send(20, "moves the clock to 19")
        wait_until(lambda: len(sampled()) == 2, "the second bar")
        wait_until(lambda: len(late()) == 3, "the third late row")

    assert sampled() == [(0, 0, 2, 0), (1, 2, 2, 1)]
    assert late()[2] == ("late", "late for its symbol, though no watermark has come yet")
    (run, *_) = committed.of(bars_topic("tick_run"))
    assert (run["kind"], run["size"], run["number"]) == ("tick_run", 2, 0)
