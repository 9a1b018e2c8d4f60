"""What a gateway needs to know of a venue, and what the parsers of all venues share.

A pair is written `BTC-USD` wherever it trades; on Kafka its symbol is `BTC-USD.COINBASE`: prices of two venues are no
candle.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import Any, Literal, NamedTuple, Protocol

from schemas.models import PRICE
from services.records import Aggressor, BookRecord, LevelRecord, QuoteRecord, TradeRecord

Channel = Literal["trades", "quotes", "books"]
CHANNELS: tuple[Channel, ...] = ("trades", "quotes", "books")
SHOWN = 300
"""How much of a message that is not understood is told."""


class FeedError(ValueError):
    """A message that is not what the venue documents: one line."""


class RefusedError(FeedError):
    """The venue does not give what was asked for: one line with its words."""


class BeginAnewError(Exception):
    """A venue tells the whole of a book at the beginning of a connection alone: it must be another."""


class Hole(NamedTuple):
    """Trades of a pair that have been left out, by number; `since_ns` is when the one before them happened."""

    pair: str
    first: int
    last: int
    since_ns: int

    def __str__(self) -> str:
        return f"{self.pair}: trades {self.first} to {self.last}"

    def without(self, trades: Sequence[TradeRecord]) -> "Hole | None":
        """What is left once these are there, from the first that is missing to the last; None when that is nothing."""
        there = {each["sequence"]: each["ts_event"] for each in trades}
        missing = [number for number in range(self.first, self.last + 1) if number not in there]
        if not missing:
            return None
        return Hole(self.pair, missing[0], missing[-1], there.get(missing[0] - 1, self.since_ns))


class Venue(Protocol):
    """A venue whose public channels come over a WebSocket."""

    @property
    def name(self) -> str:
        """As in symbols: `COINBASE`."""

    @property
    def url(self) -> str:
        """Of its WebSocket."""

    @property
    def silence_s(self) -> float | None:
        """After how long without any message the connection is dead; None where silence means nothing."""

    def requests(self, pairs: Sequence[str], channels: Collection[Channel]) -> list[str]:
        """What to send, a few a second, to get what channels tell of these pairs."""

    def trades(self, message: Any, received_ns: int) -> Iterable[TradeRecord]:
        """The trades in a message, in the venue's order; none when it is about something else.

        Raises FeedError, RefusedError.
        """

    def quotes(self, message: Any, received_ns: int) -> Iterable[QuoteRecord]:
        """Likewise, the best bids and offers."""

    def books(self, message: Any, received_ns: int) -> Iterable[BookRecord]:
        """Likewise, the updates of order books."""


class Told(NamedTuple):
    """What a message says."""

    trades: list[TradeRecord]
    quotes: list[QuoteRecord]
    books: list[BookRecord]


def read(venue: Venue, text: str | bytes, received_ns: int) -> Told:
    """What a message says. Raises FeedError, which shows how the message begins, for what cannot be understood."""
    try:
        message = json.loads(text, parse_float=Decimal)
        return Told(
            list(venue.trades(message, received_ns)),
            list(venue.quotes(message, received_ns)),
            list(venue.books(message, received_ns)),
        )
    except FeedError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise FeedError(f"{venue.name}: {error!r} in {text[:SHOWN]!r}") from error


def pair_of(symbol: str, quotes: Sequence[str]) -> str:
    """BTC-USDT of BTCUSDT: `quotes` are what a venue's pairs are quoted in, the longer of two first.

    Raises FeedError when it is none of these.
    """
    quote = next((each for each in quotes if symbol.endswith(each) and symbol != each), None)
    if quote is None:
        raise FeedError(f"{symbol}: what it is quoted in is not known")
    return f"{symbol.removesuffix(quote)}-{quote}"


def trade(
    venue: str,
    pair: str,
    ts_event: int,
    received_ns: int,
    price: Any,
    size: Any,
    trade_id: int | None,
    aggressor: Aggressor | None,
    *,
    numbered: bool,
) -> TradeRecord:
    """A trade; `numbered` says that the ids of a pair have no holes. Raises ValueError when a value is not exact."""
    if not (isinstance(pair, str) and isinstance(ts_event, int) and isinstance(trade_id, int | None)):
        raise ValueError(f"{pair!r}, {ts_event!r} and {trade_id!r} are no pair, time and id")
    return {
        "symbol": f"{pair}.{venue}",
        "venue": venue,
        "trade_id": None if trade_id is None else str(trade_id),
        "sequence": trade_id if numbered else None,
        "ts_event": ts_event,
        "ts_recv": received_ns,
        "price": PRICE.fit(price),
        "size": PRICE.fit(size),
        "conditions": [],
        "action": "new",
        "original_trade_id": None,
        "original_ts_event": None,
        "aggressor": aggressor,
    }


def quote(
    venue: str,
    pair: str,
    ts_event: int,
    received_ns: int,
    bid: tuple[Any, Any],
    ask: tuple[Any, Any],
    sequence: int | None = None,
) -> QuoteRecord:
    """A quote; bid and ask are price and size, each None where there is none. Raises ValueError as `trade` does."""
    if not (isinstance(pair, str) and isinstance(ts_event, int) and isinstance(sequence, int | None)):
        raise ValueError(f"{pair!r}, {ts_event!r} and {sequence!r} are no pair, time and number")
    bid_price, bid_size, ask_price, ask_size = (None if each is None else PRICE.fit(each) for each in (*bid, *ask))
    return {
        "symbol": f"{pair}.{venue}",
        "venue": venue,
        "sequence": sequence,
        "ts_event": ts_event,
        "ts_recv": received_ns,
        "bid_price": bid_price,
        "bid_size": bid_size,
        "ask_price": ask_price,
        "ask_size": ask_size,
    }


Levels = Iterable[Sequence[Any]]
"""Price and size of each level, and what else the venue tells of it."""


def book(
    venue: str,
    pair: str,
    ts_event: int,
    received_ns: int,
    bids: Levels,
    asks: Levels,
    *,
    is_snapshot: bool,
    first_sequence: int | None = None,
    sequence: int | None = None,
    depth: int | None = None,
    checksum: int | None = None,
    digits: tuple[int | None, int | None] = (None, None),
) -> BookRecord:
    """An update of an order book; `digits` are the decimal places of prices and sizes in its checksum.

    Raises ValueError as `trade` does.
    """
    numbers = (first_sequence, sequence, checksum)
    if not (
        isinstance(pair, str) and isinstance(ts_event, int) and all(isinstance(each, int | None) for each in numbers)
    ):
        raise ValueError(f"{pair!r}, {ts_event!r} and {numbers!r} are no pair, time and numbers")
    levels = [_level(side, *each[:2]) for side, told in (("bid", bids), ("ask", asks)) for each in told]
    price_digits, size_digits = digits
    return {
        "symbol": f"{pair}.{venue}",
        "venue": venue,
        "first_sequence": first_sequence,
        "sequence": sequence,
        "ts_event": ts_event,
        "ts_recv": received_ns,
        "is_snapshot": is_snapshot,
        "levels": levels,
        "depth": depth,
        "checksum": checksum,
        "price_digits": price_digits,
        "size_digits": size_digits,
    }


def _level(side: str, price: Any, size: Any) -> LevelRecord:
    return {"side": side, "price": PRICE.fit(price), "size": PRICE.fit(size)}
