"""Bitstamp: https://www.bitstamp.net/websocket/v2/."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from services.feeds.venue import Channel, RefusedError, book, pair_of, quote, trade
from services.records import Aggressor, BookRecord, QuoteRecord, TradeRecord

PREFIXES: Mapping[Channel, str] = {"trades": "live_trades_", "quotes": "order_book_", "books": "diff_order_book_"}
AGGRESSORS: Mapping[int, Aggressor] = {0: "buy", 1: "sell"}
QUOTES = ("USDT", "USDC", "USD", "EUR", "GBP", "PAX", "BTC", "ETH")


class Bitstamp:
    """Channels `live_trades_<pair>`, whose ids are of the whole venue, so that those of a pair have holes,
    `order_book_<pair>`, a hundred levels of which the first is told, and `diff_order_book_<pair>`, numbered by its
    microseconds, whose snapshots come over HTTP.
    """

    name = "BITSTAMP"
    url = "wss://ws.bitstamp.net"
    history_url = "https://www.bitstamp.net"
    silence_s = 60.0

    def requests(self, pairs: Sequence[str], channels: Collection[Channel]) -> list[str]:
        names = [PREFIXES[each] + pair.replace("-", "").lower() for each in channels for pair in pairs]
        return [json.dumps({"event": "bts:subscribe", "data": {"channel": name}}) for name in names]

    def trades(self, message: Any, received_ns: int) -> Iterator[TradeRecord]:
        event, told = message["event"], message.get("data")
        if event == "bts:error":
            raise RefusedError(str(told))
        if event == "trade":
            pair, ts_event = self._pair(message, "trades"), int(told["microtimestamp"]) * 1_000
            price, size, side = told["price_str"], told["amount_str"], AGGRESSORS.get(told.get("type"))
            yield trade(self.name, pair, ts_event, received_ns, price, size, told["id"], side, numbered=False)

    def quotes(self, message: Any, received_ns: int) -> Iterator[QuoteRecord]:
        if message["event"] == "data" and message["channel"].startswith(PREFIXES["quotes"]):
            told = message["data"]
            bid, ask = (told[side][0] if told[side] else (None, None) for side in ("bids", "asks"))
            at = int(told["microtimestamp"]) * 1_000
            yield quote(self.name, self._pair(message, "quotes"), at, received_ns, bid, ask)

    def books(self, message: Any, received_ns: int) -> Iterator[BookRecord]:
        if message["event"] == "data" and message["channel"].startswith(PREFIXES["books"]):
            yield self._book(self._pair(message, "books"), message["data"], received_ns, is_snapshot=False)

    def book_page(self, pair: str) -> str:
        return f"/api/v2/order_book/{pair.replace('-', '').lower()}/?group=1"

    def whole_book(self, pair: str, answer: Any, received_ns: int) -> BookRecord:
        return self._book(pair, answer, received_ns, is_snapshot=True)

    def _book(self, pair: str, told: Any, received_ns: int, *, is_snapshot: bool) -> BookRecord:
        at = int(told["microtimestamp"])
        bids, asks = told["bids"], told["asks"]
        return book(self.name, pair, at * 1_000, received_ns, bids, asks, is_snapshot=is_snapshot, sequence=at)

    def _pair(self, message: Any, channel: Channel) -> str:
        return pair_of(message["channel"].removeprefix(PREFIXES[channel]).upper(), QUOTES)
