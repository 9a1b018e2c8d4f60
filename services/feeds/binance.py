"""Binance spot: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams and …/rest-api."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from services.feeds.venue import Channel, Hole, RefusedError, book, pair_of, quote, trade
from services.records import Aggressor, BookRecord, QuoteRecord, TradeRecord

NAMES: Mapping[Channel, str] = {"trades": "trade", "quotes": "bookTicker", "books": "depth@100ms"}
AGGRESSORS: Mapping[bool, Aggressor] = {True: "sell", False: "buy"}
"""By whether the buyer's order was in the book."""
DEPTH = 5_000
"""Levels of a side in a snapshot: the most that it gives. What is deeper is known once it changes."""

QUOTES = ("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "BTC", "ETH", "BNB", "EUR", "TRY", "BRL", "JPY", "USD")
"""What pairs are quoted in: its symbols have nothing between the two names."""


class Binance:
    """Streams `<symbol>@trade`, whose ids have no holes, `<symbol>@bookTicker`, which tells no time, and
    `<symbol>@depth`, whose numbers have no holes and whose snapshots come over HTTP.

    Only a ping tells whether the connection lives.
    """

    name = "BINANCE"
    url = "wss://stream.binance.com:9443/stream"
    history_url = "https://api.binance.com"
    silence_s = None

    def requests(self, pairs: Sequence[str], channels: Collection[Channel]) -> list[str]:
        streams = [f"{pair.replace('-', '').lower()}@{NAMES[each]}" for each in channels for pair in pairs]
        return [json.dumps({"method": "SUBSCRIBE", "params": streams, "id": 1})]

    def trades(self, message: Any, received_ns: int) -> Iterator[TradeRecord]:
        if "error" in message:
            raise RefusedError(str(message["error"]))
        told = message.get("data", {})
        if told.get("e") == "trade":
            pair, ts_event = pair_of(told["s"], QUOTES), int(told["T"]) * 1_000_000
            side = AGGRESSORS.get(told.get("m"))
            yield trade(self.name, pair, ts_event, received_ns, told["p"], told["q"], told["t"], side, numbered=True)

    def quotes(self, message: Any, received_ns: int) -> Iterator[QuoteRecord]:
        told = message.get("data", {})
        if str(message.get("stream", "")).endswith("@bookTicker"):
            bid, ask = (told["b"], told["B"]), (told["a"], told["A"])
            yield quote(self.name, pair_of(told["s"], QUOTES), received_ns, received_ns, bid, ask, told["u"])

    def books(self, message: Any, received_ns: int) -> Iterator[BookRecord]:
        told = message.get("data", {})
        if told.get("e") == "depthUpdate":
            yield book(
                self.name,
                pair_of(told["s"], QUOTES),
                int(told["E"]) * 1_000_000,
                received_ns,
                told["b"],
                told["a"],
                is_snapshot=False,
                first_sequence=told["U"],
                sequence=told["u"],
            )

    def book_page(self, pair: str) -> str:
        return f"/api/v3/depth?symbol={pair.replace('-', '')}&limit={DEPTH}"

    def whole_book(self, pair: str, answer: Any, received_ns: int) -> BookRecord:
        bids, asks, number = answer["bids"], answer["asks"], answer["lastUpdateId"]
        return book(self.name, pair, received_ns, received_ns, bids, asks, is_snapshot=True, sequence=number)

    def page(self, hole: Hole) -> str:
        symbol = hole.pair.replace("-", "")
        return f"/api/v3/historicalTrades?symbol={symbol}&limit=1000&fromId={hole.first}"  # the oldest first

    def past(self, hole: Hole, answer: Any, received_ns: int) -> Iterator[TradeRecord]:
        for each in answer:
            ts_event, number = int(each["time"]) * 1_000_000, each["id"]
            price, size, side = each["price"], each["qty"], AGGRESSORS.get(each.get("isBuyerMaker"))
            yield trade(self.name, hole.pair, ts_event, received_ns, price, size, number, side, numbered=True)
