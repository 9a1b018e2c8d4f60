"""Trades of a venue, live through the command into Kafka and the candle job: none missing, none twice."""

import asyncio
import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, TopicPartition

from deploy.stack import Stack, ports
from schemas.exact import floor_instant
from schemas.models import BookUpdate, Quote
from services.committed import CommittedReader
from services.feeds import capture
from services.oracle import SECOND_NS
from tests.integration.candle_job import CandleJob, Feed, settings, wait_until
from tests.integration.candle_output import Output
from tests.integration.stacks import command, environment, tickloom
from tests.integration.test_replay import register
from tests.services.archive_server import archive_server
from tests.services.tape import trade
from tests.services.venue_server import DROP, STALL, VenueServer, venue_server

pytestmark = pytest.mark.integration

PER_SECOND = 10
SECONDS = 20
COUNT = PER_SECOND * SECONDS
MIDNIGHT_NS = 1_700_006_400 * SECOND_NS
"""2023-11-15T00:00:00Z."""
QUOTE = {"type": "ticker", "sequence": 7, "best_bid": "100.4", "best_ask": "100.6", "time": "2023-11-14T22:13:20.5Z"}
BOOK = {"type": "snapshot", "bids": [["100.4", "2"]], "asks": [["100.6", "3"]]}
CHANGE = {"type": "l2update", "changes": [["buy", "100.4", "0"], ["buy", "100.3", "5"]], "time": QUOTE["time"]}
NOWHERE = "http://127.0.0.1:9"
OUTAGE_S = 5
"""So long that attempts to connect have failed meanwhile."""


def at_ns(number: int) -> int:
    """When a trade happened: half of them before midnight."""
    return MIDNIGHT_NS + (number - COUNT // 2) * SECOND_NS // PER_SECOND


def match(number: int, product: str) -> str:
    at = floor_instant(at_ns(number)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    told = {"type": "match", "trade_id": number, "price": "100.5", "size": "1", "product_id": product, "time": at}
    return json.dumps(told)


@contextmanager
def venue(*scripts: list[str], port: int = 0) -> Iterator[VenueServer]:
    """A venue on a thread of its own."""
    loop, stopped = asyncio.new_event_loop(), asyncio.Event()
    found: list[VenueServer] = []

    async def run() -> None:
        async with venue_server(*scripts, port=port or ports.free(1)[0]) as server:
            found.append(server)
            await stopped.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    try:
        wait_until(lambda: bool(found), "the venue", 20)
        yield found[0]
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(20)


def follow(stack: Stack, server: VenueServer, feed: Feed, product: str, history: str) -> "subprocess.Popen[str]":
    arguments = ("--symbols", product, "--url", server.url, "--history-url", history, "--topic", feed.topic)
    return subprocess.Popen(
        command("feed", "run", "coinbase", *arguments),
        env=environment(stack.folder),
        stdout=subprocess.PIPE,
        text=True,
    )


def end(process: "subprocess.Popen[str]") -> str:
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    return said


def written(stack: Stack, feed: Feed) -> int:
    """How many records the topic has."""
    consumer = Consumer({"group.id": feed.topic, **stack.kafka_client()})
    _, end_offset = consumer.get_watermark_offsets(TopicPartition(feed.topic, 0), 10)
    consumer.close()
    return int(end_offset)


@pytest.fixture
def feed(stack: Stack) -> Feed:
    made = Feed(stack, partitions=1, name=uuid4().hex[:8].upper())
    register(stack, made.topic, "trade")
    return made


def test_two_feeds_of_a_venue_that_drops_them_make_every_candle_once(stack: Stack, feed: Feed) -> None:
    """One connection breaks and misses some, the other lacks others; what both have counts once."""
    product = feed.symbol("BTC")
    trades = [match(number, product) for number in range(COUNT)]
    half = COUNT // 2
    chosen = settings(stack, feed, resolutions="1s", parallelism=1, out_of_orderness="60s")
    with (
        venue([*trades[:half], DROP], trades[half + 7 :]) as breaks,
        venue([*trades[:20], *trades[25:]]) as lacks,
        CandleJob.submit(stack, chosen),
        Output(stack, chosen, feed) as output,
    ):
        feeds = [follow(stack, server, feed, product, NOWHERE) for server in (breaks, lacks)]
        wait_until(lambda: written(stack, feed) >= 2 * COUNT - 12, "what both feeds have")
        said = [end(each) for each in feeds]
        feed.send(0, trade(MIDNIGHT_NS + 3_600 * SECOND_NS, symbol=feed.symbol("clock"), trade_id="clock"))
        feed.flush()
        output.follow_until(lambda: output.counts()["in candles"] >= COUNT, "every trade in a candle")
        counts = output.counts()
    assert breaks.connections == 2
    assert [f"{COUNT - 7} trades of COINBASE delivered" in said[0], f"{COUNT - 5} trades" in said[1]] == [True, True]
    assert (counts["in candles"], counts["duplicates"]) == (COUNT, COUNT - 12)
    assert {each["symbol"] for each in output.candles} == {f"{product}.COINBASE"}
    assert [each["trade_count"] for each in output.candles] == [PER_SECOND] * SECONDS


def test_what_a_broken_connection_missed_comes_over_http_and_is_in_the_candles(stack: Stack, feed: Feed) -> None:
    product, half = feed.symbol("BTC"), COUNT // 2
    trades = [match(number, product) for number in range(COUNT)]
    chosen = settings(stack, feed, resolutions="1s", parallelism=1, out_of_orderness="60s")
    with (
        venue([*trades[:half], DROP], trades[half + 7 :]) as server,
        archive_server(range(COUNT), size="1", times=at_ns) as archive,
        CandleJob.submit(stack, chosen),
        Output(stack, chosen, feed) as output,
    ):
        following = follow(stack, server, feed, product, archive.url)
        wait_until(lambda: written(stack, feed) >= COUNT, "every trade")
        said = end(following)
        feed.send(0, trade(MIDNIGHT_NS + 3_600 * SECOND_NS, symbol=feed.symbol("clock"), trade_id="clock"))
        feed.flush()
        output.follow_until(lambda: output.counts()["in candles"] >= COUNT, "every trade in a candle")
        counts = output.counts()
    assert f"{COUNT} trades of COINBASE delivered" in said
    assert (counts["in candles"], counts["duplicates"]) == (COUNT, 0)
    assert [(each["trade_count"], each["volume"]) for each in output.candles] == [(PER_SECOND, PER_SECOND)] * SECONDS


def test_nothing_is_missing_or_twice_across_a_reconnect_an_outage_a_second_feed_and_midnight(
    stack: Stack, feed: Feed
) -> None:
    product, half = feed.symbol("BTC"), COUNT // 2
    trades = [match(number, product) for number in range(COUNT)]
    chosen = settings(stack, feed, resolutions="1s,1d", parallelism=1, out_of_orderness="60s")
    with (
        venue([*trades[: half + 30]]) as other,
        archive_server(range(COUNT), size="1", times=at_ns) as archive,
        CandleJob.submit(stack, chosen),
        Output(stack, chosen, feed) as output,
    ):
        with venue([*trades[:20], DROP], [*trades[25 : half - 10], STALL]) as server:
            feeds = [follow(stack, each, feed, product, archive.url) for each in (server, other)]
            wait_until(lambda: written(stack, feed) >= 2 * half + 20, "what both have, the hole of the first filled")
        time.sleep(OUTAGE_S)
        with venue(trades[half + 10 :], port=server.port) as again:
            wait_until(lambda: written(stack, feed) >= COUNT + half + 30, "what the outage left out")
            said = [end(each) for each in feeds]
        feed.send(0, trade(MIDNIGHT_NS + 2 * 86_400 * SECOND_NS, symbol=feed.symbol("clock"), trade_id="clock"))
        feed.flush()
        output.follow_until(lambda: len(output.candles) >= SECONDS + 2, "both days")
        counts = output.counts()
    assert (server.connections, again.connections) == (2, 1)
    assert [f"{COUNT} trades of COINBASE delivered" in said[0], f"{half + 30} trades" in said[1]] == [True, True]
    seconds, days = ([each for each in output.candles if each["resolution"] == name] for name in ("1s", "1d"))
    assert [each["trade_count"] for each in seconds] == [PER_SECOND] * SECONDS
    assert [(each["window_end"], each["trade_count"]) for each in days] == [
        (MIDNIGHT_NS, half),
        (MIDNIGHT_NS + 86_400 * SECOND_NS, half),
    ]
    assert counts["duplicates"] == half + 30


def test_a_capture_is_recorded_and_replayed_trade_by_trade(stack: Stack, feed: Feed, tmp_path: Path) -> None:
    product, quotes, books = "BTC-USD", f"{feed.topic}.quotes", f"{feed.topic}.books"
    trades = [match(number, product) for number in range(50)]
    quote = json.dumps({**QUOTE, "product_id": product})
    changes = [json.dumps({**each, "product_id": product}) for each in (BOOK, CHANGE)]
    register(stack, quotes, "quote")
    register(stack, books, "book_update")
    file = tmp_path / "coinbase.ndjson.xz"
    with venue([*trades, quote, quote, *changes, "no JSON", DROP], [STALL]) as server:
        arguments = ("--symbols", product, "--url", server.url, "--out", str(file))
        recording = subprocess.Popen(
            command("feed", "record", "coinbase", *arguments),
            env=environment(stack.folder),
            stdout=subprocess.PIPE,
            text=True,
        )
        wait_until(lambda: server.connections == 2, "another connection once the first was read to its end", 30)
        assert "55 messages in" in end(recording)
    assert [line.message for line in capture.lines(file)] == [*trades, quote, quote, *changes, "no JSON"]
    to = ("--topic", feed.topic, "--quotes-topic", quotes, "--books-topic", books)
    replayed = tickloom(stack.folder, "feed", "replay", "coinbase", str(file), *to)
    assert "50 trades, 2 quotes, 2 updates of books of COINBASE delivered" in replayed.stdout
    with CommittedReader(stack.kafka_client(), stack.registry_client(), {quotes: "quote"}) as reader:
        (found, _) = (Quote.from_avro(each.record) for each in reader.read_to_end(20))
    assert (found.symbol, found.bid_price, found.ask_price, found.ask_size) == (
        f"{product}.COINBASE",
        Decimal("100.4"),
        Decimal("100.6"),
        None,
    )
    with CommittedReader(stack.kafka_client(), stack.registry_client(), {books: "book_update"}) as reader:
        whole, change = (BookUpdate.from_avro(each.record) for each in reader.read_to_end(20))
    assert [(each.side, each.price, each.size) for each in whole.levels] == [
        ("bid", Decimal("100.4"), Decimal(2)),
        ("ask", Decimal("100.6"), Decimal(3)),
    ]
    assert (whole.is_snapshot, change.is_snapshot) == (True, False)
    assert [(each.price, each.size) for each in change.levels] == [
        (Decimal("100.4"), Decimal(0)),
        (Decimal("100.3"), Decimal(5)),
    ]
    assert "no JSON" in replayed.stderr
