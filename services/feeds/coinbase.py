"""Coinbase Exchange: https://docs.cdp.coinbase.com/exchange/websocket-feed/channels and …/rest-api/pagination."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from schemas.exact import nanoseconds
from services.feeds.venue import Channel, Hole, RefusedError, book, quote, trade
from services.records import Aggressor, BookRecord, QuoteRecord, TradeRecord

NAMES: Mapping[Channel, str] = {"trades": "matches", "quotes": "ticker", "books": "level2_batch"}
SIDES = {"buy": "bid", "sell": "ask"}
AGGRESSORS: Mapping[str, Aggressor] = {"buy": "sell", "sell": "buy"}
"""By the side of the order that was in the book, which is what it tells."""


class Coinbase:
    """Channels `matches`, whose ids have no holes, `ticker`, which tells the quote that a trade leaves behind, and
    `level2_batch`, whose updates have no numbers.
    """

    name = "COINBASE"
    url = "wss://ws-feed.exchange.coinbase.com"
    history_url = "https://api.exchange.coinbase.com"
    silence_s = 30.0

    def requests(self, pairs: Sequence[str], channels: Collection[Channel]) -> list[str]:
        names = ["heartbeat", *(NAMES[each] for each in channels)]
        return [json.dumps({"type": "subscribe", "product_ids": list(pairs), "channels": names})]

    def trades(self, message: Any, received_ns: int) -> Iterator[TradeRecord]:
        kind = message["type"]
        if kind == "error":
            raise RefusedError(f"{message.get('message')}: {message.get('reason')}")
        if kind in ("match", "last_match"):  # the second is the last one before the subscription
            yield self._trade(message["product_id"], message, received_ns)

    def quotes(self, message: Any, received_ns: int) -> Iterator[QuoteRecord]:
        if message["type"] == "ticker":
            bid, ask = ((message[f"best_{side}"], message.get(f"best_{side}_size")) for side in ("bid", "ask"))
            at, number = nanoseconds(message["time"]), message["sequence"]
            yield quote(self.name, message["product_id"], at, received_ns, bid, ask, number)

    def books(self, message: Any, received_ns: int) -> Iterator[BookRecord]:
        if message["type"] not in ("snapshot", "l2update"):
            return
        at = nanoseconds(message["time"]) if "time" in message else received_ns
        is_snapshot = message["type"] == "snapshot"
        if is_snapshot:
            bids, asks = message["bids"], message["asks"]
        else:
            changed = [(SIDES[side], price, size) for side, price, size in message["changes"]]
            bids, asks = ([level for side, *level in changed if side == which] for which in ("bid", "ask"))
        yield book(self.name, message["product_id"], at, received_ns, bids, asks, is_snapshot=is_snapshot)

    def page(self, hole: Hole) -> str:
        return f"/products/{hole.pair}/trades?limit=1000&after={hole.last + 1}"  # the newest first

    def past(self, hole: Hole, answer: Any, received_ns: int) -> Iterator[TradeRecord]:
        for each in answer:
            yield self._trade(hole.pair, each, received_ns)

    def _trade(self, pair: str, told: Any, received_ns: int) -> TradeRecord:
        ts_event, number = nanoseconds(told["time"]), told["trade_id"]
        side = AGGRESSORS.get(told.get("side"))
        return trade(self.name, pair, ts_event, received_ns, told["price"], told["size"], number, side, numbered=True)
