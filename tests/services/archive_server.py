"""The trades of a pair at three venues, over HTTP as each of them documents it, with the troubles of a script."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from schemas.exact import floor_instant

FIRST_NS = 1_767_623_400_000_000_000
"""2026-01-05T14:30:00Z; trade n happened n ms after it."""


def at_ns(number: int) -> int:
    return FIRST_NS + number * 1_000_000


@dataclass
class Archive:
    """Answers with the trades it holds; before that with the status codes of `troubles`, one a request."""

    numbers: range
    size: str = "0.1"
    times: Callable[[int], int] = at_ns
    page: int = 1_000
    troubles: list[int] = field(default_factory=list)
    book_number: int = 0
    """Of the last change in the book of Binance."""
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, path: str) -> Any:
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path.startswith("/products/"):
            return self._coinbase(int(query["after"]))
        if parts.path == "/0/public/Trades" and query["pair"] == "XBTUSD":
            return self._kraken(int(query["since"]))
        if parts.path == "/api/v3/historicalTrades" and query["symbol"] == "BTCUSD":
            return self._binance(int(query["fromId"]))
        if parts.path == "/api/v3/depth" and query["symbol"] == "BTCUSD":
            return {"lastUpdateId": self.book_number, "bids": [["100.5", "1"]], "asks": [["100.6", "2"]]}
        return None

    def _coinbase(self, after: int) -> list[dict[str, Any]]:
        older = [number for number in self.numbers if number < after][-self.page :]
        return [
            {"trade_id": each, "price": "100.5", "size": self.size, "time": self._text(each)}
            for each in reversed(older)
        ]

    def _kraken(self, since_ns: int) -> dict[str, Any]:
        newer = [number for number in self.numbers if self.times(number) > since_ns][: self.page]
        trades = [["100.5", self.size, self.times(each) / 1e9, "b", "m", "", each] for each in newer]
        return {"error": [], "result": {"XXBTZUSD": trades, "last": str(since_ns)}}

    def _binance(self, first: int) -> list[dict[str, Any]]:
        newer = [number for number in self.numbers if number >= first][: self.page]
        return [
            {"id": each, "price": "100.5", "qty": self.size, "time": self.times(each) // 1_000_000} for each in newer
        ]

    def _text(self, number: int) -> str:
        return floor_instant(self.times(number)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@contextmanager
def archive_server(numbers: range, **more: Any) -> Iterator[Archive]:
    """One that runs meanwhile."""
    found = Archive(numbers, **more)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            trouble = found.troubles.pop(0) if found.troubles else None
            told = None if trouble else found.answer(self.path)
            self.send_response(trouble or (404 if told is None else 200))
            self.end_headers()
            self.wfile.write(json.dumps(told).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()
