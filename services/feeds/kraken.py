"""Kraken: https://docs.kraken.com/api/docs/websocket-v2/trade and …/rest-api/get-recent-trades; version 1 too."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from schemas.exact import nanoseconds
from services.feeds.venue import Channel, Hole, RefusedError, book, quote, trade
from services.oracle import SECOND_NS
from services.records import Aggressor, BookRecord, QuoteRecord, TradeRecord

CODES = {"XBT": "BTC", "XDG": "DOGE"}
"""Names of version 1 that are not those of everybody else."""
AGGRESSORS: Mapping[str, Aggressor] = {"buy": "buy", "sell": "sell", "b": "buy", "s": "sell"}
DEPTH = 1_000
"""Levels of a side: the most that it tells of."""
SUBSCRIBED: Mapping[Channel, Mapping[str, Any]] = {
    "trades": {"channel": "trade", "snapshot": False},
    "quotes": {"channel": "ticker", "event_trigger": "bbo"},
    "books": {"channel": "book", "depth": DEPTH},
}


class Kraken:
    """Channels `trade`, whose ids have no holes (version 1 has none), `ticker` at every change of bid or offer, and
    `book`, whose updates have a checksum: https://docs.kraken.com/api/docs/guides/spot-ws-book-v2.
    """

    name = "KRAKEN"
    url = "wss://ws.kraken.com/v2"
    history_url = "https://api.kraken.com"
    silence_s = 10.0

    def requests(self, pairs: Sequence[str], channels: Collection[Channel]) -> list[str]:
        symbols = [pair.replace("-", "/") for pair in pairs]
        return [
            json.dumps({"method": "subscribe", "params": {**SUBSCRIBED[channel], "symbol": symbols}})
            for channel in channels
        ]

    def trades(self, message: Any, received_ns: int) -> Iterator[TradeRecord]:
        if isinstance(message, list):
            yield from self._version_1(message, received_ns)
        elif message.get("success") is False or message.get("status") == "error":
            raise RefusedError(str(message.get("error") or message.get("errorMessage")))
        elif message.get("channel") == "trade":
            for each in message["data"]:
                pair, ts_event = each["symbol"].replace("/", "-"), nanoseconds(each["timestamp"])
                price, size, number = each["price"], each["qty"], each["trade_id"]
                side = AGGRESSORS.get(each.get("side"))
                yield trade(self.name, pair, ts_event, received_ns, price, size, number, side, numbered=True)

    def quotes(self, message: Any, received_ns: int) -> Iterator[QuoteRecord]:
        if isinstance(message, list):
            yield from self._quotes_of_version_1(message, received_ns)
        elif message.get("channel") == "ticker":
            for each in message["data"]:
                at = nanoseconds(each["timestamp"]) if "timestamp" in each else received_ns
                bid, ask = (each["bid"], each["bid_qty"]), (each["ask"], each["ask_qty"])
                yield quote(self.name, each["symbol"].replace("/", "-"), at, received_ns, bid, ask)

    def books(self, message: Any, received_ns: int) -> Iterator[BookRecord]:
        if isinstance(message, list):
            yield from self._books_of_version_1(message, received_ns)
        elif message.get("channel") == "book":
            for each in message["data"]:
                at = nanoseconds(each["timestamp"]) if "timestamp" in each else received_ns
                bids, asks = ([(level["price"], level["qty"]) for level in each[side]] for side in ("bids", "asks"))
                is_snapshot = message["type"] == "snapshot"
                yield book(
                    self.name,
                    each["symbol"].replace("/", "-"),
                    at,
                    received_ns,
                    bids,
                    asks,
                    is_snapshot=is_snapshot,
                    depth=DEPTH,
                    checksum=each["checksum"],
                    digits=_digits([*bids, *asks]) if is_snapshot else (None, None),
                )

    def page(self, hole: Hole) -> str:
        names = {name: code for code, name in CODES.items()}
        pair = "".join(names.get(each, each) for each in hole.pair.split("-"))
        return f"/0/public/Trades?pair={pair}&count=1000&since={hole.since_ns - 1}"  # the oldest first

    def past(self, hole: Hole, answer: Any, received_ns: int) -> Iterator[TradeRecord]:
        if answer["error"]:
            raise RefusedError(f"{self.name}: {', '.join(map(str, answer['error']))}")
        [trades] = [found for name, found in answer["result"].items() if name != "last"]
        for price, size, seconds, side, *_, number in trades:
            at = int(Decimal(seconds) * SECOND_NS)
            yield trade(self.name, hole.pair, at, received_ns, price, size, number, AGGRESSORS.get(side), numbered=True)

    def _version_1(self, message: list[Any], received_ns: int) -> Iterator[TradeRecord]:
        *_, channel, name = message
        if channel != "trade":
            return
        pair = _pair(name)
        for price, size, time, side, *_ in message[1]:
            ts_event = int(Decimal(time) * SECOND_NS)
            yield trade(self.name, pair, ts_event, received_ns, price, size, None, AGGRESSORS.get(side), numbered=False)

    def _quotes_of_version_1(self, message: list[Any], received_ns: int) -> Iterator[QuoteRecord]:
        *_, channel, name = message
        if channel == "spread":
            bid, ask, seconds, bid_size, ask_size = message[1]
            at = int(Decimal(seconds) * SECOND_NS)
            yield quote(self.name, _pair(name), at, received_ns, (bid, bid_size), (ask, ask_size))
        elif channel == "ticker":
            (bid, _, bid_size), (ask, _, ask_size) = message[1]["b"], message[1]["a"]
            yield quote(self.name, _pair(name), received_ns, received_ns, (bid, bid_size), (ask, ask_size))

    def _books_of_version_1(self, message: list[Any], received_ns: int) -> Iterator[BookRecord]:
        *_, channel, name = message
        if not str(channel).startswith("book-"):
            return
        told = {side: value for part in message[1:-2] for side, value in part.items()}
        is_snapshot = "as" in told
        bids, asks = (told.get(f"{side}s" if is_snapshot else side, []) for side in "ba")
        at = max((int(Decimal(level[2]) * SECOND_NS) for level in (*bids, *asks)), default=received_ns)
        yield book(
            self.name,
            _pair(name),
            at,
            received_ns,
            bids,
            asks,
            is_snapshot=is_snapshot,
            depth=int(channel.removeprefix("book-")),
            checksum=int(told["c"]) if "c" in told else None,
            digits=_digits([*bids, *asks]) if is_snapshot else (None, None),
        )


def _digits(levels: Sequence[Sequence[Any]]) -> tuple[int | None, int | None]:
    """Decimal places of prices and sizes: those of the longest, since it tells a number whole but for ends of zeros."""
    prices, sizes = ([-int(Decimal(level[place]).as_tuple().exponent) for level in levels] for place in (0, 1))
    return max(prices, default=None), max(sizes, default=None)


def _pair(name: str) -> str:
    """BTC-USD of version 1's XBT/USD."""
    return "-".join(CODES.get(code, code) for code in name.split("/"))
