"""Bitstamp: https://www.bitstamp.net/websocket/v2/."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from services.feeds.venue import RefusedError, pair_of, trade
from services.records import TradeRecord

CHANNEL = "live_trades_"
QUOTES = ("USDT", "USDC", "USD", "EUR", "GBP", "PAX", "BTC", "ETH")


class Bitstamp:
    """Channels `live_trades_<pair>`. Ids are of the whole venue, so those of a pair have holes."""

    name = "BITSTAMP"
    url = "wss://ws.bitstamp.net"
    silence_s = 60.0

    def requests(self, pairs: Sequence[str]) -> list[str]:
        names = (pair.replace("-", "").lower() for pair in pairs)
        return [json.dumps({"event": "bts:subscribe", "data": {"channel": f"{CHANNEL}{name}"}}) for name in names]

    def trades(self, message: Any, received_ns: int) -> Iterator[TradeRecord]:
        event, told = message["event"], message.get("data")
        if event == "bts:error":
            raise RefusedError(str(told))
        if event == "trade":
            pair = pair_of(message["channel"].removeprefix(CHANNEL).upper(), QUOTES)
            ts_event = int(told["microtimestamp"]) * 1_000
            price, size = told["price_str"], told["amount_str"]
            yield trade(self.name, pair, ts_event, received_ns, price, size, told["id"], numbered=False)
