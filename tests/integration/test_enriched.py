"""The enrichment job on Kafka: every trade has the version of its instrument that an as-of join in Python finds."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deploy.stack import Stack
from jobs import topics
from schemas.exact import nanoseconds
from schemas.topics import ENRICHED
from services.committed import CommittedReader
from services.oracle import SECOND_NS
from services.records import TradeRecord
from tests.integration.candle_job import START_NS, TIMEOUT_S, CandleJob, Feed, settings, wait_until
from tests.integration.capturing import capturing, migrated
from tests.services.tape import trade

pytestmark = pytest.mark.integration

MS = 1_000_000
AHEAD_NS = 400 * MS
"""A version is committed before it holds: that much."""
COLUMNS = ("type", "currency", "multiplier", "underlying", "expiry", "strike", "option_right")
KEPT = ("symbol", "venue", "trade_id", "ts_event", "price", "size", "action", "original_trade_id", "original_ts_event")
"""Of a trade."""
INSERT = f"""
    insert into reference.instruments (symbol, valid_from, {", ".join(COLUMNS)})
    values (%(symbol)s, %(valid_from)s, {", ".join(f"%({name})s" for name in COLUMNS)})
"""
EQUITY: dict[str, Any] = {**dict.fromkeys(COLUMNS), "type": "equity", "currency": "USD", "multiplier": 1}


@dataclass
class Market:
    """Instruments in a database and trades on a feed, as they were made."""

    feed: Feed
    connection: "psycopg.Connection[Any]"
    trades: dict[tuple[int, int], TradeRecord] = field(default_factory=dict)
    """By offset and partition."""

    def instrument(self, symbol: str, valid_from_ns: int, **columns: Any) -> None:
        given = {**EQUITY, **columns, "symbol": self.feed.symbol(symbol), "valid_from": instant(valid_from_ns)}
        self.connection.execute(INSERT, given)

    def trade(self, symbol: str, at_ns: int, **columns: Any) -> None:
        partition = sum(symbol.encode()) % 2
        made = trade(at_ns, symbol=self.feed.symbol(symbol), **columns)
        self.trades[self.feed.send(partition, made)] = made

    def change(self, symbols: Sequence[str], multiplier: str) -> None:
        """Another version of each, and trades just before it, at its first instant and after."""
        at = (time.time_ns() + AHEAD_NS) // MS * MS
        for symbol in symbols:
            self.instrument(symbol, at, multiplier=multiplier)
        for symbol in symbols:
            for nanos in (-50 * MS, -1, 0, 1, 50 * MS):
                self.trade(symbol, at + nanos, price="0.333333333333", size="1.5")
        self.feed.flush()
        time.sleep(AHEAD_NS / SECOND_NS)

    def close(self) -> None:
        """Trades that let those before them go, once the instruments are known as far."""
        for symbol in ("A", "B"):
            self.trade(symbol, time.time_ns() + 5 * SECOND_NS)
        self.feed.flush()


def instant(at_ns: int) -> datetime:
    return datetime.fromtimestamp(at_ns // MS / 1_000, UTC)


@pytest.fixture
def market(stack: Stack, url: str) -> Iterator[Market]:
    with psycopg.connect(migrated(url), autocommit=True, options="-c timezone=UTC") as connection:
        yield Market(Feed(stack), connection)


def committed(stack: Stack, feed: Feed) -> dict[tuple[int, int], dict[str, Any]]:
    """By the place of their trade; none is there twice."""
    with CommittedReader(stack.kafka_client(), stack.registry_client(), {ENRICHED: "enriched_trade"}) as reader:
        found = [each.record for each in reader.read_to_end(TIMEOUT_S) if each.record["symbol"].startswith(feed.name)]
    placed = {(each["offset"], each["partition"]): each for each in found}
    assert len(placed) == len(found)
    return placed


def expected(market: Market) -> dict[tuple[int, int], dict[str, Any]]:
    """What an as-of join of the table finds: the last version from the trade's time or before."""
    query = f"select symbol, valid_from, {', '.join(COLUMNS)} from reference.instruments order by valid_from"
    versions = [
        dict(zip(("symbol", "valid_from", *COLUMNS), row, strict=True)) for row in market.connection.execute(query)
    ]
    for each in versions:
        each["valid_from"] = nanoseconds(each["valid_from"])
        each["expiry"] = each["expiry"] and nanoseconds(each["expiry"])
    return {
        (offset, partition): of(made, versions) | {"partition": partition, "offset": offset}
        for (offset, partition), made in market.trades.items()
    }


def of(made: TradeRecord, versions: list[dict[str, Any]]) -> dict[str, Any]:
    kept = (
        "symbol",
        "venue",
        "trade_id",
        "ts_event",
        "price",
        "size",
        "action",
        "original_trade_id",
        "original_ts_event",
    )
    row: dict[str, Any] = {name: made[name] for name in kept}  # type: ignore[literal-required]
    held = [each for each in versions if each["symbol"] == made["symbol"] and each["valid_from"] <= made["ts_event"]]
    if not held:
        return row | dict.fromkeys(("valid_from", *COLUMNS, "notional", "expired"))
    version = held[-1]
    return {
        **row,
        **version,
        "notional": notional(made["price"], made["size"], version["multiplier"]),
        "expired": version["expiry"] is not None and made["ts_event"] >= version["expiry"],
    }


def notional(*factors: Decimal) -> Decimal | None:
    with localcontext(prec=200):
        rounded = math.prod(factors, start=Decimal(1)).quantize(Decimal("1e-12"), ROUND_HALF_EVEN)
        return rounded if abs(rounded) < Decimal("1e26") else None


@contextmanager
def enriching(stack: Stack, feed: Feed, savepoint: str | None = None) -> Iterator[CandleJob]:
    chosen = settings(stack, feed, parallelism=2, checkpoint_interval="1s", idle_timeout="1s")
    topics.prepare(chosen, "enriched")
    with CandleJob.submit(stack, chosen, file="jobs/enriched.py", savepoint=savepoint) as job:
        yield job


def test_a_trade_sees_the_version_of_its_own_time_also_one_that_comes_while_nothing_is_captured(
    stack: Stack, market: Market, url: str, tmp_path: Path
) -> None:
    market.instrument("A", 0, multiplier=1)
    market.instrument("B", 0, multiplier=1)
    log = tmp_path / "log"
    with capturing(stack, url, log), enriching(stack, market.feed) as job:
        for round_ in range(8):
            market.change("AB", f"{round_}.000000000005")
        wait_until(lambda: len(committed(stack, market.feed)) > 40, "the first trades")
        savepoint = job.stop()
    market.change("AB", "100")
    with enriching(stack, market.feed, savepoint):
        market.change("AB", "200")
        market.close()
        time.sleep(8)
        waiting = market.trades.keys() - committed(stack, market.feed).keys()
        assert len(waiting) >= 20, "none is joined with a version that may hold no more"
        with capturing(stack, url, log):
            market.change("AB", "300")
            market.close()
            wait_until(lambda: len(committed(stack, market.feed)) >= len(market.trades) - 2, "all but the last trades")

    found, oracle = committed(stack, market.feed), expected(market)
    assert len({row["multiplier"] for row in found.values()}) == 12
    assert {place: oracle[place] for place in found} == found


def test_old_trades_are_joined_after_all_instruments_are_read_also_unknown_expired_and_too_large_ones(
    stack: Stack, market: Market, url: str, tmp_path: Path
) -> None:
    expiry = START_NS + 60 * SECOND_NS
    option = {"type": "option", "underlying": "U", "strike": "5000.25", "option_right": "call"}
    market.instrument("A", START_NS, multiplier=50, expiry=instant(expiry), **option)
    market.instrument("B", START_NS, multiplier="0.000000000001")
    for symbol in "ABC":
        for at in (START_NS - 1, START_NS, expiry - 1, expiry):
            market.trade(symbol, at, price="12345.5", size="0.1")
    market.trade("A", START_NS, price="90000000000000000000000000")
    market.trade("B", START_NS, action="cancel", original_trade_id="1", original_ts_event=START_NS - 1)
    market.feed.flush()
    with capturing(stack, url, tmp_path / "log"), enriching(stack, market.feed):
        wait_until(lambda: len(committed(stack, market.feed)) == len(market.trades), "all trades")

    found = committed(stack, market.feed)
    assert found == expected(market)
    assert [row["expired"] for _, row in sorted(found.items()) if row["symbol"].endswith("A")] == [
        None, False, False, True, False,
    ]  # fmt: skip
    assert sum(row["notional"] is None for row in found.values()) == 1 + 1 + 4 + 1
