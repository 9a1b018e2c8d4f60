"""Coinbase Exchange: https://docs.cdp.coinbase.com/exchange/websocket-feed/channels."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from schemas.exact import nanoseconds
from services.feeds.venue import RefusedError, trade
from services.records import TradeRecord


class Coinbase:
    """Channel `matches`. The ids of a product's trades have no holes."""

    name = "COINBASE"
    url = "wss://ws-feed.exchange.coinbase.com"
    silence_s = 30.0

    def requests(self, pairs: Sequence[str]) -> list[str]:
        return [json.dumps({"type": "subscribe", "product_ids": list(pairs), "channels": ["matches", "heartbeat"]})]

    def trades(self, message: Any, received_ns: int) -> Iterator[TradeRecord]:
        kind = message["type"]
        if kind == "error":
            raise RefusedError(f"{message.get('message')}: {message.get('reason')}")
        if kind in ("match", "last_match"):  # the second is the last one before the subscription
            yield trade(
                self.name,
                message["product_id"],
                nanoseconds(message["time"]),
                received_ns,
                message["price"],
                message["size"],
                message["trade_id"],
                numbered=True,
            )
