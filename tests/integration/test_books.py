"""The book job on Kafka: what it tells of every book is what an independent rebuild says, to the last level."""

import json
from collections import defaultdict
from collections.abc import Sequence
from itertools import accumulate
from operator import itemgetter
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from deploy import paths
from deploy.stack import Stack
from jobs import topics
from jobs.kafka import book_sinks
from schemas import registry
from schemas.codec import Encoder
from schemas.topics import BOOKS, BOOKS_REJECTED, DEPTH, subject
from services.committed import CommittedReader
from services.depth_oracle import Told, expected_depths
from services.feeds import capture
from services.feeds.binance import Binance
from services.feeds.coinbase import Coinbase
from services.feeds.kraken import Kraken
from services.feeds.venue import Venue, book, read
from services.oracle import SECOND_NS
from services.records import BookRecord
from tests.integration.candle_job import START_NS, TIMEOUT_S, CandleJob, Feed, differing, settings, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.thorough]

DATA = paths.ROOT.parent / "shared" / "data"
CAPTURES = DATA / "exchange-websocket-captures"
DAY_S = 86_400
CLOCKS = [f"clock {number}" for number in range(12)]
"""So many that both partitions have some."""
CHANGED = {"depth_interval": "1s", "depth_levels": 1_000, "depth_within_bp": 5}
TOLD = Told(SECOND_NS, 1_000, 5)


def changes(venue: Venue, file: Path) -> list[BookRecord]:
    if not file.exists():
        pytest.skip("the capture is not here")
    return [change for line in capture.lines(file) for change in read(venue, line.message, line.received_ns).books]


def binance(name: str) -> list[BookRecord]:
    """The whole book came over HTTP, some time after the first changes."""
    file, venue = DATA / "binance-spot-2024-08-08" / f"{name}.ndjson.xz", Binance()
    found = changes(venue, file)
    (whole,) = (line for line in capture.lines(file) if line.message.startswith('{"lastUpdateId"'))
    pair, received_ns = found[0]["symbol"].removesuffix(".BINANCE"), found[0]["ts_event"]
    return [venue.whole_book(pair, json.loads(whole.message), received_ns), *found]


def without(updates: list[BookRecord], place: float) -> list[BookRecord]:
    """One of the changes is lost."""
    lost = next(at for at in range(int(len(updates) * place), len(updates)) if not updates[at]["is_snapshot"])
    return [*updates[:lost], *updates[lost + 1 :]]


def tape(feed: Feed) -> list[BookRecord]:
    """Every book of three venues in the order of time, under names of the test's own; two with a hole."""
    kraken, coinbase = changes(Kraken(), CAPTURES / "KRAKEN.ws.50.0.xz"), CAPTURES / "COINBASE.ws.28.0.xz"
    broken = kraken[0]["symbol"]
    books = defaultdict[str, list[BookRecord]](list)
    for each in (*kraken, *changes(Coinbase(), coinbase), *binance("btcusdt"), *binance("ethusdt")):
        books[each["symbol"]].append(each)
    for symbol in (broken, "ETH-USDT.BINANCE"):
        books[symbol] = without(books[symbol], 0.6)
    found = list[tuple[int, BookRecord]]()
    for symbol, own in books.items():
        latest = accumulate((each["ts_event"] for each in own), max)
        for at, each in zip(latest, own, strict=True):
            found.append((at, {**each, "symbol": feed.symbol(symbol)}))
    return [each for _, each in sorted(found, key=itemgetter(0))]


def send(feed: Feed, encoder: Encoder, updates: Sequence[BookRecord]) -> None:
    for each in updates:
        symbol = each["symbol"].encode()
        feed.send_bytes(crc32(symbol) % 2, encoder.encode(each), each["ts_event"] // 1_000_000, symbol)
    feed.flush()


def committed(stack: Stack, feed: Feed) -> dict[str, list[dict[str, Any]]]:
    """Depths and rejected updates of this feed: jobs share their output topics."""
    schemas = {topic: schema for _, topic, schema in book_sinks()}
    found: dict[str, list[dict[str, Any]]] = {topic: [] for topic in schemas}
    with CommittedReader(stack.kafka_client(), stack.registry_client(), schemas) as reader:
        for each in reader.read_to_end(TIMEOUT_S):
            if each.record["symbol"].startswith(feed.name):
                found[each.topic].append(each.record)
    return found


def test_every_level_of_every_book_is_that_of_an_independent_rebuild_also_after_a_stop(stack: Stack) -> None:
    feed = Feed(stack, partitions=2)
    encoder = Encoder(registry.register(stack.registry_client(), ("1s",))[subject(BOOKS)], "book_update")
    updates = tape(feed)
    half = len(updates) // 2
    chosen = settings(stack, feed, books_topic=feed.topic, parallelism=2, **CHANGED)
    topics.prepare(chosen, "books")
    send(feed, encoder, updates[:half])
    with CandleJob.submit(stack, chosen, file="jobs/books.py") as job:
        wait_until(lambda: job.counted("valid.numRecordsIn") >= half, "the first half")
        savepoint = job.stop()
    send(feed, encoder, updates[half:])
    with CandleJob.submit(stack, chosen, file="jobs/books.py", savepoint=savepoint) as job:
        wait_until(lambda: job.counted("valid.numRecordsIn") >= len(updates) - half, "the second half")
        job.begin_stop(drain=True)
        job.await_end()

    found = committed(stack, feed)
    expected = list(expected_depths(updates, TOLD))
    assert len(expected) > 500
    key = itemgetter("symbol", "window_end")
    told, to_be_told = ({key(each): each for each in depths} for depths in (found[DEPTH], expected))
    assert len(told) == len(found[DEPTH])
    assert differing(told, to_be_told) == []
    assert sorted(each["rule"] for each in found[BOOKS_REJECTED]) == ["checksum", "gap"]


def test_a_book_of_which_nothing_comes_is_forgotten_and_waits_for_a_snapshot(stack: Stack) -> None:
    feed, venue = Feed(stack, partitions=2), "V"
    encoder = Encoder(registry.register(stack.registry_client(), ("1s",))[subject(BOOKS)], "book_update")

    def told(name: str, after_s: int, bid: str, *, is_snapshot: bool) -> BookRecord:
        at, sides = START_NS + after_s * SECOND_NS, ([(bid, "1")], [("11", "1")])
        made = book(venue, "book", at, at, *sides, is_snapshot=is_snapshot)
        return {**made, "symbol": feed.symbol(name)}

    clocks = [told(name, 3 * DAY_S, "1", is_snapshot=True) for name in CLOCKS]
    assert {crc32(each["symbol"].encode()) % 2 for each in clocks} == {0, 1}
    again = [told("A", 3 * DAY_S + 1, "8", is_snapshot=False), told("A", 3 * DAY_S + 5, "7", is_snapshot=True)]
    chosen = settings(stack, feed, books_topic=feed.topic, parallelism=2, forget_after="48h", **CHANGED)
    topics.prepare(chosen, "books")
    send(feed, encoder, [told("A", 0, "10", is_snapshot=True), *clocks])
    with CandleJob.submit(stack, chosen, file="jobs/books.py") as job:
        wait_until(lambda: job.counted("valid.numRecordsIn") >= 1 + len(clocks), "what makes it forgotten")
        send(feed, encoder, again)
        wait_until(lambda: job.counted("valid.numRecordsIn") >= 3 + len(clocks), "what comes again")
        job.begin_stop(drain=True)
        job.await_end()

    depths = [each for each in committed(stack, feed)[DEPTH] if each["symbol"] == feed.symbol("A")]
    assert [[str(level["price"].normalize()) for level in each["levels"]] for each in depths] == [
        ["1E+1", "11"],
        ["7", "11"],
    ]
