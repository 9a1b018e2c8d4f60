"""Coinbase Exchange: https://docs.cdp.coinbase.com/exchange/websocket-feed/channels and …/rest-api/pagination."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from schemas.exact import nanoseconds
from services.feeds.venue import Hole, RefusedError, trade
from services.records import TradeRecord


class Coinbase:
    """Channel `matches`. The ids of a product's trades have no holes."""

    name = "COINBASE"
    url = "wss://ws-feed.exchange.coinbase.com"
    history_url = "https://api.exchange.coinbase.com"
    silence_s = 30.0

    def requests(self, pairs: Sequence[str]) -> list[str]:
        return [json.dumps({"type": "subscribe", "product_ids": list(pairs), "channels": ["matches", "heartbeat"]})]

    def trades(self, message: Any, received_ns: int) -> Iterator[TradeRecord]:
        kind = message["type"]
        if kind == "error":
            raise RefusedError(f"{message.get('message')}: {message.get('reason')}")
        if kind in ("match", "last_match"):  # the second is the last one before the subscription
            yield self._trade(message["product_id"], message, received_ns)

    def page(self, hole: Hole) -> str:
        return f"/products/{hole.pair}/trades?limit=1000&after={hole.last + 1}"  # the newest first

    def past(self, hole: Hole, answer: Any, received_ns: int) -> Iterator[TradeRecord]:
        for each in answer:
            yield self._trade(hole.pair, each, received_ns)

    def _trade(self, pair: str, told: Any, received_ns: int) -> TradeRecord:
        ts_event, number = nanoseconds(told["time"]), told["trade_id"]
        return trade(self.name, pair, ts_event, received_ns, told["price"], told["size"], number, numbered=True)
