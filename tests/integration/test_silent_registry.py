"""A registry that leaves one question without an answer holds nobody up for long."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from deploy.stack import Stack
from services.oracle import SECOND_NS, CandleKey
from tests.integration.candle_job import START_NS, CandleJob, Feed, settings
from tests.integration.candle_output import Output
from tests.services.tape import trade

pytestmark = pytest.mark.integration

ANSWERED_S = 60


@dataclass
class Silent:
    """Stands before a registry and swallows the first question of one kind."""

    swallows: str
    """A part of its path."""
    url: str = ""
    swallowed: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)


@contextmanager
def silent(registry_url: str, swallows: str) -> Iterator[Silent]:
    found = Silent(swallows)
    address, _, path = registry_url.removeprefix("http://").partition("/")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if found.swallows in self.path and not found.swallowed:
                found.swallowed.append(self.path)
                found.ended.wait()
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {"Content-Type": self.headers.get("Content-Type", "application/json")}
            url = f"http://{address}{self.path}"
            answer = httpx.request(self.command, url, content=body, headers=headers, timeout=10, trust_env=False)
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def do_POST(self) -> None:
            self.do_GET()

        def do_PUT(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_port}/{path}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield found
        finally:
            found.ended.set()
            server.shutdown()


# The source asks again at once; a sink, whose encoder is Flink's, after a restart.
@pytest.mark.parametrize("asked", ["/schemas/ids/", "/subjects/md.candles."], ids=["by the source", "by a sink"])
def test_a_question_without_an_answer_is_asked_again(stack: Stack, asked: str) -> None:
    feed = Feed(stack, partitions=1)
    with silent(stack.registry_url, asked) as registry:
        chosen = settings(stack, feed, resolutions="1s", parallelism=1, registry=registry.url)
        with CandleJob.submit(stack, chosen, restart=True), Output(stack, chosen, feed) as output:
            for second in (1, 60):
                feed.send(0, trade(START_NS + second * SECOND_NS, symbol=feed.symbol("A"), trade_id=str(second)))
            feed.flush()
            wanted = CandleKey(feed.symbol("A"), "1s", START_NS + SECOND_NS)
            output.follow_until(lambda: wanted in output.keys, "the candle", ANSWERED_S)
    assert len(registry.swallowed) == 1
