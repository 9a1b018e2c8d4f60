"""An audit of committed candles: it holds on a healthy feed, names exactly what was broken, and has it repaired."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from confluent_kafka import Producer

from deploy.audit import Report, Scope, audit, repair
from deploy.stack import Stack
from jobs.settings import Settings
from schemas import avro, topics
from schemas.codec import Encoder
from schemas.registered import Registry
from services.oracle import SECOND_NS
from tests.integration.candle_job import START_NS, CandleJob, Feed, settings
from tests.integration.candle_output import Output
from tests.services.tape import trade

pytestmark = pytest.mark.integration

SYMBOLS = ("A", "B")


@dataclass
class Books:
    """A feed whose candle job has ended, so that every window is closed."""

    feed: Feed
    chosen: Settings
    stack: Stack
    output: Output

    def audit(self) -> Report:
        symbols = frozenset(self.feed.symbol(name) for name in SYMBOLS)
        return audit(self.chosen, Scope(symbols=symbols), lambda _: None)

    def await_revision(self, name: str, resolution: str, revision: int, second: int | None = None) -> None:
        """Wait until a revision of a candle is committed."""
        start = None if second is None else START_NS + second * SECOND_NS

        def is_there() -> bool:
            return any(
                (each["symbol"], each["resolution"], each["revision"]) == (self.feed.symbol(name), resolution, revision)
                and start in (None, each["window_start"])
                for each in self.output.candles
            )

        self.output.follow_until(is_there, f"revision {revision} of {name} {resolution}")

    def publish(self, resolution: str, second: int, name: str = "A", **changed: Any) -> None:
        """Write a candle behind the jobs' back."""
        topic = topics.candles(resolution)
        schema_id = Registry(self.stack.registry_url).schema_id(topic, avro.load("candle"))
        start = START_NS + second * SECOND_NS
        record = {
            "symbol": self.feed.symbol(name),
            "resolution": resolution,
            "window_start": start,
            "window_end": start + SECOND_NS,
            "volume": Decimal(1),
            "trade_count": 1,
            "duplicate_count": 0,
            "open": Decimal(1),
            "high": Decimal(1),
            "low": Decimal(1),
            "close": Decimal(1),
            "vwap": Decimal(1),
            "notional": Decimal(1),
            "first_ts_event": start,
            "last_ts_event": start,
            "complete": True,
            "revision": 0,
            **changed,
        }
        producer = Producer({"bootstrap.servers": self.stack.bootstrap_servers, "partitioner": "murmur2_random"})
        producer.produce(topic, Encoder(schema_id, "candle").encode(record), record["symbol"])
        assert producer.flush(10) == 0


@pytest.fixture(scope="module")
def books(stack: Stack) -> Iterator[Books]:
    feed = Feed(stack)
    for name in SYMBOLS:
        for second in range(5):
            feed.send(0, trade(START_NS + second * SECOND_NS, symbol=feed.symbol(name), trade_id=f"{second}"))
    feed.send(0, trade(START_NS, symbol=feed.symbol("A"), trade_id="0"))  # a copy
    feed.send(1, trade(START_NS, symbol=feed.symbol("A"), size="0"))  # rejected
    busted = trade(START_NS + 2 * SECOND_NS, symbol=feed.symbol("B"), trade_id="2")
    naming: Any = {
        "action": "cancel",
        "trade_id": None,
        "original_trade_id": "2",
        "original_ts_event": busted["ts_event"],
    }
    feed.send(0, {**busted, **naming})
    feed.flush()
    chosen = settings(stack, feed, resolutions="1s,1m", parallelism=1)
    with CandleJob.submit(stack, chosen.model_copy(update={"stop_offsets": feed.stop_offsets})) as job:
        job.await_end()
    with (
        CandleJob.submit(stack, chosen, restart=True, file="jobs/reconcile.py"),
        Output(stack, chosen, feed) as output,
    ):
        yield Books(feed, chosen, stack, output)


def test_a_healthy_feed_is_equal_and_every_message_accounted_for(books: Books) -> None:
    books.await_revision("B", "1m", 1)
    report = books.audit()
    assert report.holds
    counts = (report.messages, report.accepted, report.duplicates, report.changes, report.rejected)
    assert counts == (13, 9, 1, 1, 1)
    assert (report.equal, report.unknown_originals) == (12, 0)  # the 1s candle without its busted trade among them


def test_it_names_exactly_what_was_broken_and_the_reconcile_job_repairs_it(books: Books) -> None:
    books.publish("1s", 1, revision=7, volume=Decimal(5))
    books.publish("1s", 9, name="B")
    books.publish("1m", -20, window_end=START_NS + 40 * SECOND_NS, revision=9, high=Decimal(3))
    books.publish("1s", 4)
    books.publish("1s", 4)
    report = books.audit()
    findings = {
        (found.key.resolution, (found.key.window_start - START_NS) // SECOND_NS): found for found in report.findings
    }
    assert {place: each.kind for place, each in findings.items()} == {
        ("1m", -20): "differing",
        ("1s", 1): "differing",
        ("1s", 4): "twice",
        ("1s", 9): "unexpected",
    }
    assert findings["1s", 1].fields == {"volume": (Decimal(1), Decimal(5))}
    assert [each["trade_id"] for each in findings["1s", 1].trades] == ["1"]
    assert "high" in findings["1m", -20].fields
    assert repair(report, books.chosen) == len(report.seconds) > 0
    books.await_revision("A", "1s", 8)
    books.await_revision("A", "1m", 10)
    books.await_revision("B", "1s", 1, second=9)
    assert {each.kind for each in books.audit().findings} == {"twice"}  # what is committed twice stays so


def test_a_trade_that_reached_no_candle_is_found(books: Books) -> None:
    late = trade(START_NS + 3 * SECOND_NS, "7", symbol=books.feed.symbol("A"), trade_id="lost")
    books.feed.send(0, late)  # the candle job has ended
    books.feed.flush()
    report = books.audit()
    assert not report.holds
    missing = [each for each in report.findings if each.key.resolution == "1s" and each.kind == "differing"]
    assert [each["trade_id"] for each in missing[0].trades] == ["3", "lost"]
