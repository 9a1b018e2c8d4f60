"""The independent check of book depths: books rebuilt by services/order_book.py, their figures in exact fractions."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import takewhile
from typing import Any

from services.order_book import BookError, Level, OrderBook
from services.quote_oracle import rounded
from services.records import BookRecord

LEVELS_MAX = 10_000
BASIS_POINTS = 10_000


@dataclass(frozen=True)
class Told:
    """How often a depth is told (nanoseconds), and of what."""

    interval_ns: int
    levels: int
    within_bp: int


@dataclass
class _Book:
    """A book, and the interval that its updates since the last depth are in; `end_ns` 0: there were none."""

    book: OrderBook | None = None
    end_ns: int = 0
    told_ns: int = 0
    updates: int = 0


def expected_depths(updates: Iterable[BookRecord], told: Told) -> Iterator[dict[str, Any]]:
    """The depths of books, given all updates in the order of their topic, under the names of schemas/book_depth.avsc.

    The book of an update that does not fit waits for a snapshot, as if nothing had come since its last depth.
    """
    books: dict[str, _Book] = {}
    for update in updates:
        own = books.setdefault(update["symbol"], _Book())
        if own.end_ns and update["ts_event"] >= own.end_ns:
            yield _depth(update["symbol"], own, told)
        if not _applies(own, update):
            continue
        own.updates += 1
        own.end_ns = own.end_ns or (max(update["ts_event"], own.told_ns) // told.interval_ns + 1) * told.interval_ns
    for symbol, own in books.items():
        if own.end_ns:
            yield _depth(symbol, own, told)


def _applies(own: _Book, update: BookRecord) -> bool:
    if own.book is None and not update["is_snapshot"]:
        return False
    book = own.book = own.book or OrderBook()
    try:
        return book.apply(update)
    except BookError:
        own.book, own.end_ns, own.updates = None, 0, 0
        return False


def _depth(symbol: str, own: _Book, told: Told) -> dict[str, Any]:
    assert own.book
    bids, asks = own.book.bids.top(LEVELS_MAX), own.book.asks.top(LEVELS_MAX)
    shown = {"bid": bids[: told.levels], "ask": asks[: told.levels]}
    found = {
        "symbol": symbol,
        "venue": symbol.rpartition(".")[2],
        "window_end": own.end_ns,
        "sequence": own.book.sequence,
        "imbalance": _imbalance(*(_units(side) for side in shown.values())),
        "update_count": own.updates,
        "levels": [{"side": side, **each._asdict()} for side, levels in shown.items() for each in levels],
        **_between(bids, asks, Fraction(told.within_bp, BASIS_POINTS)),
    }
    own.told_ns, own.end_ns, own.updates = own.end_ns, 0, 0
    return found


def _between(bids: list[Level], asks: list[Level], within: Fraction) -> dict[str, Decimal | None]:
    names = ("spread", "mid", "microprice", "bid_liquidity", "ask_liquidity")
    if not (bids and asks):
        return dict.fromkeys(names)
    (bid, bid_size), (ask, ask_size) = ((Fraction(best.price), Fraction(best.size)) for best in (bids[0], asks[0]))
    mid = (bid + ask) / 2
    near = (
        takewhile(lambda level: Fraction(level.price) >= mid - mid * within, bids),
        takewhile(lambda level: Fraction(level.price) <= mid + mid * within, asks),
    )
    values = (
        ask - bid,
        mid,
        (bid * ask_size + ask * bid_size) / (bid_size + ask_size),
        *(_units(side) for side in near),
    )
    return {name: rounded(value) for name, value in zip(names, values, strict=True)}


def _imbalance(bid_size: Fraction, ask_size: Fraction) -> Decimal | None:
    both = bid_size + ask_size
    return rounded((bid_size - ask_size) / both) if both else None


def _units(levels: Iterable[Level]) -> Fraction:
    return sum((Fraction(each.size) for each in levels), Fraction(0))
