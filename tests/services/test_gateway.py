"""A gateway hands on what a venue says that drops, stalls, talks nonsense or is away, and says what is missing."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from prometheus_client import REGISTRY

from deploy.stack import ports
from services.feeds.coinbase import Coinbase
from services.feeds.feed import Feed
from services.feeds.gateway import WAITING, Gateway
from services.feeds.publisher import Publisher
from services.feeds.venue import CHANNELS, RefusedError
from services.records import QuoteRecord, TradeRecord
from tests.services.venue_server import DROP, STALL, VenueServer, venue_server

TIMEOUT_S = 20


class Quick(Coinbase):
    """Coinbase, whose silence is noticed soon."""

    silence_s = 0.3


def match(number: int, product: str = "BTC-USD") -> str:
    told = {"type": "match", "trade_id": number, "price": "100.5", "size": "0.1", "product_id": product}
    return json.dumps({**told, "time": "2026-01-05T14:30:00.000001Z"})


def quote(product: str = "BTC-USD") -> str:
    told = {"type": "ticker", "sequence": 7, "best_bid": "100.4", "best_ask": "100.6", "product_id": product}
    return json.dumps({**told, "time": "2026-01-05T14:30:00.000001Z"})


@dataclass
class Published(Publisher):
    """Stands for the topic; `pause_s` is what a trade takes."""

    pause_s: float = 0
    trades: list[TradeRecord] = field(default_factory=list)
    quotes: list[QuoteRecord] = field(default_factory=list)

    async def send(self, schema: str, records: Any) -> None:
        for each in records:
            await asyncio.sleep(self.pause_s)
            (self.trades if schema == "trade" else self.quotes).append(each)

    @property
    def numbers(self) -> list[int]:
        return [each["sequence"] or 0 for each in self.trades]


async def fed(url: str, published: Published, enough: Callable[[], bool]) -> None:
    """Follow a venue until there is enough. Raises what the gateway raises."""
    venue = Quick()
    following = asyncio.create_task(Gateway(venue, ["BTC-USD"], CHANNELS, Feed(venue, published).take, url).run())
    try:
        async with asyncio.timeout(TIMEOUT_S):
            while not enough():
                if following.done():
                    following.result()
                await asyncio.sleep(0.02)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def play(*scripts: list[str], until: int, **published: Any) -> tuple[VenueServer, Published]:
    """What is published of what a venue says, and the venue."""
    found = Published(**published)

    async def both() -> VenueServer:
        async with venue_server(*scripts) as server:
            await fed(server.url, found, lambda: len(found.trades) >= until)
            return server

    return asyncio.run(both()), found


def counted(name: str) -> float:
    return REGISTRY.get_sample_value(f"tickloom_feed_{name}_total", {"venue": "COINBASE"}) or 0


def test_the_pairs_are_asked_for_and_their_trades_come_in_order() -> None:
    server, published = play([quote(), *(match(number) for number in range(1, 51))], until=50)
    assert json.loads(server.asked[0])["product_ids"] == ["BTC-USD"]
    assert published.numbers == list(range(1, 51))
    assert [each["bid_price"] for each in published.quotes] == [Decimal("100.4")]


@pytest.mark.parametrize("end", [DROP, STALL])
def test_after_a_connection_that_ends_or_falls_silent_the_pairs_are_asked_for_again(end: str) -> None:
    server, published = play([match(1), match(2), end], [match(3), match(4)], until=4)
    assert server.connections == 2
    assert server.asked[0] == server.asked[1]
    assert published.numbers == [1, 2, 3, 4]


def test_a_venue_that_is_away_is_tried_again_until_it_is_there() -> None:
    published, (port,) = Published(), ports.free(1)

    async def late(url: str) -> None:
        following = asyncio.create_task(fed(url, published, lambda: bool(published.trades)))
        await asyncio.sleep(1)
        async with venue_server([match(7)], port=port):
            await following

    before = counted("connections")
    asyncio.run(late(f"ws://127.0.0.1:{port}"))
    assert published.numbers == [7]
    assert 2 <= counted("connections") - before <= 6


def test_a_venue_that_accepts_and_says_nothing_is_asked_less_and_less() -> None:
    async def listen(server: VenueServer) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                await fed(server.url, Published(), lambda: False)

    async def both() -> int:
        async with venue_server([DROP]) as server:
            await listen(server)
            return server.connections

    assert 2 <= asyncio.run(both()) <= 6


def test_nonsense_is_counted_and_what_comes_around_it_is_published() -> None:
    before = counted("rejected")
    broken = [match(1), match(2)[:40], "", '{"type": "match"}', "[]", match(3)]
    _, published = play(broken, until=2)
    assert published.numbers == [1, 3]
    assert counted("rejected") - before == 4


def test_numbers_that_are_left_out_are_counted_and_copies_and_late_ones_are_not() -> None:
    before = counted("missing_trades")
    _, published = play([match(each) for each in (5, 6, 6, 10, 4, 11)], until=6)
    assert published.numbers == [5, 6, 6, 10, 4, 11]
    assert counted("missing_trades") - before == 3


def test_what_kafka_is_too_slow_for_waits_and_is_not_lost() -> None:
    """More than may wait here: the venue is held back."""
    count = 3 * WAITING
    _, published = play([match(number) for number in range(1, count + 1)], until=count, pause_s=0.0005)
    assert published.numbers == list(range(1, count + 1))


def test_what_the_venue_refuses_ends_the_feed_with_its_words() -> None:
    refusal = json.dumps(
        {"type": "error", "message": "Failed to subscribe", "reason": "NO-PAIR is not a valid product"}
    )
    with pytest.raises(RefusedError, match="NO-PAIR is not a valid product"):
        play([refusal], until=1)
