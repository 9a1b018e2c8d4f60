"""The books of a feed can be followed: a snapshot, then every update after it, whatever the venue leaves out."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.feeds import asking
from services.feeds.binance import Binance
from services.feeds.books import WAITING, Books
from services.feeds.feed import Feed
from services.feeds.gateway import Gateway
from services.feeds.kraken import Kraken
from services.feeds.publisher import Publisher
from services.feeds.snapshots import Snapshots
from services.feeds.venue import Venue
from services.order_book import OrderBook
from services.records import BookRecord
from tests.services.archive_server import archive_server
from tests.services.test_order_book import shown, update
from tests.services.venue_server import venue_server

TIMEOUT_S = 20


def change(number: int) -> BookRecord:
    """Every number changes a price of its own."""
    return update([(number, number)], first=number, last=number)


def whole(number: int) -> BookRecord:
    """The book after these changes."""
    return update([(each, each) for each in range(1, number + 1)], snapshot=True, last=number)


def followed(published: Sequence[BookRecord]) -> OrderBook:
    """Raises BookError when they cannot be followed."""
    found = OrderBook()
    for each in published:
        assert found.apply(each)
    return found


def test_what_comes_before_the_snapshot_is_published_after_it_if_it_is_newer() -> None:
    asked: list[str] = []
    books = Books("KRAKEN", asked.append)
    assert [books.take(change(number)) for number in (5, 6, 7)] == [[], [], []]
    assert books.take(whole(5)) == [whole(5), change(6), change(7)]
    assert books.take(change(8)) == [change(8)]
    assert books.take(change(8)) == []
    assert asked == ["BTC-USD.KRAKEN"]


def test_a_snapshot_that_is_too_old_is_asked_for_again() -> None:
    asked: list[str] = []
    books = Books("KRAKEN", asked.append)
    books.take(change(7))
    assert books.take(whole(5)) == [whole(5)]
    assert books.take(change(8)) == []
    assert books.take(whole(7)) == [whole(7), change(8)]
    assert len(asked) == 2


def test_of_those_that_wait_too_long_the_oldest_give_way() -> None:
    books = Books("KRAKEN", lambda symbol: None)
    for number in range(WAITING + 5):
        books.take(change(number))
    assert books.take(whole(100))[1:] == [change(number) for number in range(101, WAITING + 5)]


def test_on_another_connection_books_begin_anew() -> None:
    asked: list[str] = []
    books = Books("KRAKEN", asked.append)
    books.take(whole(3))
    books.begin_anew()
    assert books.take(change(4)) == []
    assert len(asked) == 1


@given(st.lists(st.sampled_from(["told", "told", "left out", "snapshot"]), max_size=40))
def test_whatever_is_left_out_what_is_published_can_be_followed(steps: list[str]) -> None:
    books, number, published = Books("KRAKEN", lambda symbol: None), 0, list[BookRecord]()
    for step in steps:
        if step == "snapshot":
            published += books.take(whole(number))
            continue
        number += 1
        if step == "told":
            published += books.take(change(number))
    published += books.take(whole(number))
    parts = [at for at, each in enumerate(published) if each["is_snapshot"]]
    for start, end in zip(parts, [*parts[1:], len(published)], strict=True):
        followed(published[start:end])
    assert shown(followed(published)) == shown(followed([whole(number)]))


@dataclass
class Published(Publisher):
    """Stands for the topics."""

    books: list[BookRecord] = field(default_factory=list)

    async def send(self, schema: str, records: Any) -> None:
        if schema == "book_update":
            self.books.extend(records)


def run(venue: Venue, enough: Callable[[Sequence[BookRecord]], bool], *scripts: list[str], history: str = "") -> Any:
    """What is published of books until there is enough, and how often the venue was connected to."""
    published = Published()

    async def follow() -> int:
        async with venue_server(*scripts) as server, asyncio.timeout(TIMEOUT_S), asyncio.TaskGroup() as tasks:
            feed = Feed(venue, published)
            works = [Gateway(venue, ["BTC-USD"], ["books"], feed.take, server.url, feed.connected).run()]
            if history:
                assert isinstance(venue, Binance)
                works.append(Snapshots(venue, feed.books_wanted, feed.take_book, history).run())
            started = [tasks.create_task(each) for each in works]
            while not enough(published.books):
                await asyncio.sleep(0.02)
            for each in started:
                each.cancel()
            return server.connections

    return published.books, asyncio.run(follow())


def kraken(kind: str, bid: float, checksum: int) -> str:
    levels = {"bids": [{"price": bid, "qty": 1.5}], "asks": [], "checksum": checksum}
    return json.dumps({"channel": "book", "type": kind, "data": [{"symbol": "BTC/USD", **levels}]})


def sum_of(*bids: float) -> int:
    found = OrderBook()
    found.apply(update([(str(each), "1.5") for each in bids], snapshot=True, digits=(1, 1)))
    return found.checksum()


def test_after_a_checksum_that_is_another_the_connection_begins_anew_with_a_snapshot() -> None:
    first = kraken("snapshot", 100.5, sum_of(100.5))
    scripts = [
        [first, kraken("update", 100.4, sum_of(100.5, 100.4)), kraken("update", 100.3, 7)],
        [first, kraken("update", 100.2, sum_of(100.5, 100.2))],
    ]
    books, connections = run(Kraken(), lambda found: len(found) >= 4, *scripts)
    assert connections == 2
    assert [each["is_snapshot"] for each in books] == [True, False, True, False]
    assert [level.price for level in followed(books).bids.top(5)] == [Decimal("100.5"), Decimal("100.2")]


def depth(first: int, last: int, bid: str) -> str:
    told = {"e": "depthUpdate", "E": 1, "s": "BTCUSD", "U": first, "u": last, "b": [[bid, "3"]], "a": []}
    return json.dumps({"stream": "btcusd@depth@100ms", "data": told})


def test_a_book_that_is_told_over_http_is_asked_for_also_when_updates_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking, "PAUSE_S", 0)
    with archive_server(range(0), book_number=11, troubles=[404]) as server:
        script = [depth(10, 10, "99"), depth(11, 12, "98"), depth(13, 13, "97")]
        books, _ = run(Binance(), lambda found: len(found) >= 3, script, history=server.url)
        assert [(each["is_snapshot"], each["sequence"]) for each in books] == [(True, 11), (False, 12), (False, 13)]
        assert [level.price for level in followed(books).bids.top(3)] == [100.5, 98, 97]
        server.book_number = 20
        books, _ = run(Binance(), lambda found: len(found) >= 2, [*script, depth(20, 21, "96")], history=server.url)
    assert (books[-1]["sequence"], books[-2]["is_snapshot"]) == (21, True)
