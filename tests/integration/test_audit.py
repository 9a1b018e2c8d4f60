"""An audit of committed candles: it holds on a healthy feed, names exactly what was broken, and has it repaired."""

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from redis import Redis as Client

from deploy.audit import repair
from deploy.stack import Stack
from schemas.exact import floor_instant
from services.candle_json import encode
from services.oracle import SECOND_NS, CandleKey
from services.projections.postgres import Postgres
from services.projections.redis import Redis, key
from tests.integration import stacks
from tests.integration.books import Books
from tests.integration.candle_job import START_NS, CandleJob, Feed, settings
from tests.integration.candle_output import Output
from tests.services.tape import trade

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("quick_flink")]

SYMBOLS = ("A", "B")


@pytest.fixture(scope="module")
def books(stack: Stack) -> Iterator[Books]:
    feed = Feed(stack)
    for name in SYMBOLS:
        for second in range(5):
            feed.send(0, trade(START_NS + second * SECOND_NS, symbol=feed.symbol(name), trade_id=f"{second}"))
    feed.send(0, trade(START_NS, symbol=feed.symbol("A"), trade_id="0"))  # a copy
    feed.send(1, trade(START_NS, symbol=feed.symbol("A"), size="0"))  # rejected
    busted = trade(START_NS + 2 * SECOND_NS, symbol=feed.symbol("B"), trade_id="2")
    naming: Any = {
        "action": "cancel",
        "trade_id": None,
        "original_trade_id": "2",
        "original_ts_event": busted["ts_event"],
    }
    feed.send(0, {**busted, **naming})
    feed.flush()
    chosen = settings(stack, feed, resolutions="1s,1m", parallelism=1)
    with CandleJob.submit(stack, chosen.model_copy(update={"stop_offsets": feed.stop_offsets})) as job:
        job.await_end()
    with (
        CandleJob.submit(stack, chosen, restart=True, file="jobs/reconcile.py"),
        Output(stack, chosen, feed) as output,
    ):
        yield Books(feed, chosen, stack, output)


def test_a_healthy_feed_is_equal_and_every_message_accounted_for(books: Books) -> None:
    books.await_revision("B", "1m", 1)
    report = books.audit(SYMBOLS)
    assert report.holds
    counts = (report.messages, report.accepted, report.duplicates, report.changes, report.rejected)
    assert counts == (13, 9, 1, 1, 1)
    assert (report.equal, report.unknown_originals) == (12, 0)  # the 1s candle without its busted trade among them


def test_a_database_that_holds_something_else_is_named(
    books: Books, url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.projections.redis.TTL_S", 10**9)  # nothing may have expired
    addresses = [f"--brokers={books.chosen.brokers}", f"--registry={books.chosen.registry}", "--resolutions=1s,1m"]
    for name in ("postgres", "redis"):
        stacks.tickloom(books.stack.folder, "project", "rebuild", name, *addresses, TICKLOOM_POSTGRES_URL=url)
    symbol, second = books.feed.symbol("A"), START_NS + SECOND_NS
    with psycopg.connect(url) as connection:
        connection.execute(
            "update candle_revisions set high = 3 where symbol = %s and resolution = '1s' and window_start = %s",
            [symbol, floor_instant(second)],
        )
    with Postgres(url) as postgres, closing(Redis(redis_url)) as redis, Client.from_url(redis_url) as client:
        earlier = next(each for each in postgres.read() if CandleKey.of(each) == (symbol, "1s", START_NS))
        client.set(key(symbol, "1s"), encode(earlier))
        report = books.audit(SYMBOLS, [postgres, redis], end=START_NS + 3 * SECOND_NS)  # Redis holds later ones
    (found,) = report.stores["postgres"]
    assert (found.kind, found.key, found.fields) == (
        "differing",
        (symbol, "1s", second),
        {"high": (Decimal(1), Decimal(3))},
    )
    assert [(each.kind, each.key) for each in report.stores["redis"]] == [("unexpected", (symbol, "1s", START_NS))]
    assert not report.findings
    assert not report.holds


def test_it_names_exactly_what_was_broken_and_the_reconcile_job_repairs_it(books: Books) -> None:
    books.publish("A", "1s", START_NS + SECOND_NS, revision=7, volume=Decimal(5))
    books.publish("B", "1s", START_NS + 9 * SECOND_NS)
    books.publish("A", "1m", START_NS - 20 * SECOND_NS, revision=9, high=Decimal(3))
    books.publish("A", "1s", START_NS + 4 * SECOND_NS)
    books.publish("A", "1s", START_NS + 4 * SECOND_NS)
    report = books.audit(SYMBOLS)
    findings = {
        (found.key.resolution, (found.key.window_start - START_NS) // SECOND_NS): found for found in report.findings
    }
    assert {place: each.kind for place, each in findings.items()} == {
        ("1m", -20): "differing",
        ("1s", 1): "differing",
        ("1s", 4): "twice",
        ("1s", 9): "unexpected",
    }
    assert findings["1s", 1].fields == {"volume": (Decimal(1), Decimal(5))}
    assert [each["trade_id"] for each in findings["1s", 1].trades] == ["1"]
    assert "high" in findings["1m", -20].fields
    assert repair(report, books.chosen) == len(report.seconds) > 0
    books.await_revision("A", "1s", 8)
    books.await_revision("A", "1m", 10)
    books.await_revision("B", "1s", 1, START_NS + 9 * SECOND_NS)
    assert {each.kind for each in books.audit(SYMBOLS).findings} == {"twice"}  # what is committed twice stays so


def test_a_trade_that_reached_no_candle_is_found(books: Books) -> None:
    late = trade(START_NS + 3 * SECOND_NS, "7", symbol=books.feed.symbol("A"), trade_id="lost")
    books.feed.send(0, late)  # the candle job has ended
    books.feed.flush()
    report = books.audit(SYMBOLS)
    assert not report.holds
    missing = [each for each in report.findings if each.key.resolution == "1s" and each.kind == "differing"]
    assert [each["trade_id"] for each in missing[0].trades] == ["3", "lost"]
