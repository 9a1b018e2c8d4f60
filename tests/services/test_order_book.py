"""An order book is what its snapshot and updates say, checked against a plain one, the venues' checksums and quotes."""

import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy import paths
from services.feeds import capture
from services.feeds.binance import Binance
from services.feeds.coinbase import Coinbase
from services.feeds.kraken import Kraken
from services.feeds.venue import Told, Venue, book, read
from services.order_book import BookError, OrderBook
from services.records import BookRecord

DATA = paths.ROOT.parent / "shared" / "data"
CAPTURES = DATA / "exchange-websocket-captures"
BINANCE = DATA / "binance-spot-2024-08-08"

Levels = list[tuple[int, int]]


def update(
    bids: Iterable[tuple[object, object]] = (),
    asks: Iterable[tuple[object, object]] = (),
    *,
    snapshot: bool = False,
    first: int | None = None,
    last: int | None = None,
    depth: int | None = None,
    checksum: int | None = None,
    digits: tuple[int | None, int | None] = (None, None),
) -> BookRecord:
    return book(
        "KRAKEN",
        "BTC-USD",
        1,
        1,
        list(bids),
        list(asks),
        is_snapshot=snapshot,
        first_sequence=first,
        sequence=last,
        depth=depth,
        checksum=checksum,
        digits=digits,
    )


def shown(found: OrderBook, levels: int = 1_000) -> tuple[list[Any], list[Any]]:
    return list(found.bids.top(levels)), list(found.asks.top(levels))


levels = st.lists(st.tuples(st.integers(1, 20), st.integers(0, 3)), max_size=12)


@given(st.lists(st.tuples(levels, levels)), st.integers(1, 20))
def test_a_book_is_that_of_a_plain_recomputation(changes: list[tuple[Levels, Levels]], top: int) -> None:
    found, bids, asks = OrderBook(), dict[int, int](), dict[int, int]()
    for bid_changes, ask_changes in changes:
        found.apply(update(bid_changes, ask_changes))
        bids.update(bid_changes)
        asks.update(ask_changes)
    expected = (
        sorted(((price, size) for price, size in bids.items() if size), reverse=True),
        sorted((price, size) for price, size in asks.items() if size),
    )
    assert shown(found, top) == (expected[0][:top], expected[1][:top])
    assert (len(found.bids), len(found.asks)) == tuple(map(len, expected))


def test_a_snapshot_takes_the_place_of_all_there_was() -> None:
    found = OrderBook()
    found.apply(update([(9, 1), (8, 1)], [(10, 1)], snapshot=True, last=4))
    found.apply(update([(7, 2)], [], snapshot=True, last=2))
    assert shown(found) == ([(7, 2)], [])
    assert found.sequence == 2


def test_what_is_deeper_than_the_venue_tells_of_is_forgotten() -> None:
    found = OrderBook()
    found.apply(update([(9, 1), (8, 1)], [(10, 1), (11, 1)], snapshot=True, depth=2))
    found.apply(update([(10, 1)], [(10, 0)], depth=2))
    assert shown(found) == ([(10, 1), (9, 1)], [(11, 1)])


@pytest.mark.parametrize(
    ("first", "last", "applied"),
    [(11, 12, True), (8, 11, True), (3, 10, False), (None, 9, False), (None, 40, True)],
    ids=["the next", "begins before", "known", "known, without a first", "without a first"],
)
def test_an_update_counts_once(first: int | None, last: int, applied: bool) -> None:
    found = OrderBook()
    found.apply(update([(9, 1)], snapshot=True, last=10))
    assert found.apply(update([(9, 2)], first=first, last=last)) is applied
    assert shown(found)[0] == [(9, 2 if applied else 1)]
    assert found.sequence == (last if applied else 10)


def test_updates_that_are_missing_are_named() -> None:
    found = OrderBook()
    found.apply(update([(9, 1)], snapshot=True, last=10))
    with pytest.raises(BookError, match=r"^BTC-USD.KRAKEN: updates 11 to 12 of its book are missing$"):
        found.apply(update([(9, 2)], first=13, last=14))


def test_another_checksum_than_the_venues_is_an_error() -> None:
    """Of asks, then bids, without points and leading zeros."""
    bids, asks = [("5283.50", "1.54582015")], [("5285.20", "0.10000000")]
    sound = zlib.crc32(b"52852010000000528350154582015")
    assert OrderBook().apply(update(bids, asks, snapshot=True, checksum=sound, digits=(2, 8)))
    with pytest.raises(BookError, match=f"its book has the checksum {sound}, not {sound + 1}"):
        OrderBook().apply(update(bids, asks, snapshot=True, checksum=sound + 1, digits=(2, 8)))


def told(file: Path, venue: Venue) -> Iterator[Told]:
    if not file.exists():
        pytest.skip("the capture is not here")
    for line in capture.lines(file):
        yield read(venue, line.message, line.received_ns)


def rebuilt(changes: Iterable[BookRecord]) -> dict[str, OrderBook]:
    books = defaultdict[str, OrderBook](OrderBook)
    for each in changes:
        books[each["symbol"]].apply(each)
    return books


def test_every_checksum_of_a_capture_of_kraken_verifies() -> None:
    changes = [change for each in told(CAPTURES / "KRAKEN.ws.50.0.xz", Kraken()) for change in each.books]
    assert len(rebuilt(changes)) == 10
    assert sum(each["checksum"] is not None for each in changes) == 4_269


def test_a_change_that_is_left_out_is_seen_by_the_checksum() -> None:
    changes = [change for each in told(CAPTURES / "KRAKEN.ws.50.0.xz", Kraken()) for change in each.books]
    first = next(number for number, change in enumerate(changes) if change["checksum"] is not None)
    with pytest.raises(BookError, match="has the checksum"):
        rebuilt([*changes[:first], *changes[first + 1 :]])


@pytest.mark.parametrize("name", ["btcusdt", "ethusdt"])
def test_the_best_of_binances_books_is_its_quote_at_every_update_that_has_one(name: str) -> None:
    """After update u of the book, the quote of the last number up to u is the best bid and ask."""
    file = BINANCE / f"{name}.ndjson.xz"
    if not file.exists():
        pytest.skip("the capture is not here")
    lines = list(capture.lines(file))
    (whole,) = (line for line in lines if line.message.startswith('{"lastUpdateId"'))
    found = OrderBook()
    found.apply(Binance().whole_book("BTC-USDT", json.loads(whole.message), whole.received_ns))
    quotes = {each["sequence"]: each for line in lines for each in read(Binance(), line.message, 1).quotes}
    compared = 0
    for line in lines:
        for change in read(Binance(), line.message, 1).books:
            quote = quotes.get(change["sequence"])
            if found.apply(change) and quote:
                assert found.bids.top(1) == [(quote["bid_price"], quote["bid_size"])]
                assert found.asks.top(1) == [(quote["ask_price"], quote["ask_size"])]
                compared += 1
    assert compared > 500


def test_no_book_of_a_capture_of_coinbase_is_crossed() -> None:
    books, applied = defaultdict[str, OrderBook](OrderBook), 0
    for each in told(CAPTURES / "COINBASE.ws.28.0.xz", Coinbase()):
        for change in each.books:
            found = books[change["symbol"]]
            applied += found.apply(change)
            (bid,), (ask,) = shown(found, 1)
            assert bid.price < ask.price
    assert (len(books), applied) == (10, 9_729)
