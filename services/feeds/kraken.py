"""Kraken: https://docs.kraken.com/api/docs/websocket-v2/trade and …/rest-api/get-recent-trades; version 1 too."""

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from schemas.exact import nanoseconds
from services.feeds.venue import Hole, RefusedError, trade
from services.oracle import SECOND_NS
from services.records import TradeRecord

CODES = {"XBT": "BTC", "XDG": "DOGE"}
"""Names of version 1 that are not those of everybody else."""


class Kraken:
    """Channel `trade`. The ids of a pair have no holes; version 1 has none."""

    name = "KRAKEN"
    url = "wss://ws.kraken.com/v2"
    history_url = "https://api.kraken.com"
    silence_s = 10.0

    def requests(self, pairs: Sequence[str]) -> list[str]:
        symbols = [pair.replace("-", "/") for pair in pairs]
        return [
            json.dumps({"method": "subscribe", "params": {"channel": "trade", "symbol": symbols, "snapshot": False}})
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
                yield trade(self.name, pair, ts_event, received_ns, price, size, number, numbered=True)

    def page(self, hole: Hole) -> str:
        names = {name: code for code, name in CODES.items()}
        pair = "".join(names.get(each, each) for each in hole.pair.split("-"))
        return f"/0/public/Trades?pair={pair}&count=1000&since={hole.since_ns - 1}"  # the oldest first

    def past(self, hole: Hole, answer: Any, received_ns: int) -> Iterator[TradeRecord]:
        if answer["error"]:
            raise RefusedError(f"{self.name}: {', '.join(map(str, answer['error']))}")
        [trades] = [found for name, found in answer["result"].items() if name != "last"]
        for price, size, seconds, *_, number in trades:
            ts_event = int(Decimal(seconds) * SECOND_NS)
            yield trade(self.name, hole.pair, ts_event, received_ns, price, size, number, numbered=True)

    def _version_1(self, message: list[Any], received_ns: int) -> Iterator[TradeRecord]:
        *_, channel, name = message
        if channel != "trade":
            return
        pair = "-".join(CODES.get(code, code) for code in name.split("/"))
        for price, size, time, *_ in message[1]:
            ts_event = int(Decimal(time) * SECOND_NS)
            yield trade(self.name, pair, ts_event, received_ns, price, size, None, numbered=False)
