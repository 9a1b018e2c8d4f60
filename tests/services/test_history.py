"""What a venue's connection left out comes over HTTP: each trade once, however long the hole, whatever goes wrong."""

import asyncio
import logging
from collections.abc import Sequence
from decimal import Decimal

import pytest
from prometheus_client import REGISTRY

from services.feeds import asking
from services.feeds.binance import Binance
from services.feeds.bitstamp import Bitstamp
from services.feeds.coinbase import Coinbase
from services.feeds.history import Archive, History
from services.feeds.kraken import Kraken
from services.feeds.venue import Hole
from services.records import TradeRecord
from tests.services import archive_server
from tests.services.archive_server import at_ns

VENUES = [Coinbase(), Kraken(), Binance()]
TIMEOUT_S = 20


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "PAUSE_S", 0)


def hole(first: int, last: int) -> Hole:
    return Hole("BTC-USD", first, last, at_ns(first - 1))


def filled(venue: Archive, url: str, *wanted: Hole) -> list[TradeRecord]:
    """What is published until every hole was tried."""
    published: list[TradeRecord] = []

    async def publish(trades: Sequence[TradeRecord]) -> None:
        published.extend(trades)

    async def until_done() -> None:
        holes: asyncio.Queue[Hole] = asyncio.Queue()
        for each in wanted:
            holes.put_nowait(each)
        filling = asyncio.create_task(History(venue, holes, publish, url).run())
        async with asyncio.timeout(TIMEOUT_S):
            await holes.join()
        filling.cancel()

    asyncio.run(until_done())
    return published


@pytest.mark.parametrize("venue", VENUES, ids=lambda venue: venue.name)
@pytest.mark.parametrize(("first", "last"), [(501, 501), (501, 1_500), (501, 3_700)])
def test_every_trade_of_a_hole_comes_once_and_exact(venue: Archive, first: int, last: int) -> None:
    before = counted(venue)
    with archive_server.archive_server(range(1, 5_001)) as server:
        trades = filled(venue, server.url, hole(first, last))
    assert sorted(each["sequence"] or 0 for each in trades) == list(range(first, last + 1))
    told = {(each["symbol"], each["price"], each["size"]) for each in trades}
    assert told == {(f"BTC-USD.{venue.name}", Decimal("100.5"), Decimal("0.1"))}
    assert all(abs(each["ts_event"] - at_ns(each["sequence"] or 0)) < 1_000 for each in trades)
    assert counted(venue) - before == last - first + 1


@pytest.mark.parametrize("venue", VENUES, ids=lambda venue: venue.name)
def test_a_venue_that_asks_for_patience_is_asked_again(venue: Archive) -> None:
    with archive_server.archive_server(range(1, 100), troubles=[429, 503]) as server:
        trades = filled(venue, server.url, hole(10, 20))
    assert len(trades) == 11
    assert len(server.asked) == 3
    assert len(set(server.asked)) == 1


@pytest.mark.parametrize("venue", VENUES, ids=lambda venue: venue.name)
def test_a_hole_that_stays_is_told_and_the_next_is_filled(venue: Archive, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), archive_server.archive_server(range(50, 100), troubles=[400]) as server:
        trades = filled(venue, server.url, hole(60, 61), hole(10, 20), hole(70, 71))
    assert [each["sequence"] for each in trades] == [70, 71]
    told = [record.getMessage() for record in caplog.records]
    assert "BTC-USD: trades 60 to 61 are not filled" in told[0]
    assert "400" in told[0]
    assert told[1] == f"BTC-USD: trades 10 to 20 are not filled: {venue.name} does not have them"


def test_an_answer_that_is_nonsense_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), archive_server.archive_server(range(0)) as server:
        server.answer = lambda path: [{"trade_id": "x"}]  # type: ignore[method-assign]
        assert filled(Coinbase(), server.url, hole(1, 2)) == []
    assert "are not filled: COINBASE: " in caplog.records[0].getMessage()


def test_what_is_left_of_a_hole_is_what_the_next_page_is_asked_for() -> None:
    with archive_server.archive_server(range(1, 101), page=10) as server:
        filled(Binance(), server.url, hole(5, 27))
    assert [path.rpartition("=")[2] for path in server.asked] == ["5", "15", "25"]


def test_a_venue_without_numbers_has_no_holes_to_fill() -> None:
    assert not isinstance(Bitstamp(), Archive)


def counted(venue: Archive) -> float:
    return REGISTRY.get_sample_value("tickloom_feed_filled_trades_total", {"venue": venue.name}) or 0
