"""Bitstamp: https://www.bitstamp.net/websocket/v2/."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from services.feeds.venue import Channel, RefusedError, pair_of, quote, trade
from services.records import QuoteRecord, TradeRecord

PREFIXES: Mapping[Channel, str] = {"trades": "live_trades_", "quotes": "order_book_"}
QUOTES = ("USDT", "USDC", "USD", "EUR", "GBP", "PAX", "BTC", "ETH")


class Bitstamp:
    """Channels `live_trades_<pair>`, whose ids are of the whole venue, so that those of a pair have holes, and
    `order_book_<pair>`, a hundred levels of which the first is told.
    """

    name = "BITSTAMP"
    url = "wss://ws.bitstamp.net"
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
            price, size = told["price_str"], told["amount_str"]
            yield trade(self.name, pair, ts_event, received_ns, price, size, told["id"], numbered=False)

    def quotes(self, message: Any, received_ns: int) -> Iterator[QuoteRecord]:
        if message["event"] == "data" and message["channel"].startswith(PREFIXES["quotes"]):
            told = message["data"]
            bid, ask = (told[side][0] if told[side] else (None, None) for side in ("bids", "asks"))
            at = int(told["microtimestamp"]) * 1_000
            yield quote(self.name, self._pair(message, "quotes"), at, received_ns, bid, ask)

    def _pair(self, message: Any, channel: Channel) -> str:
        return pair_of(message["channel"].removeprefix(PREFIXES[channel]).upper(), QUOTES)
