"""`python -m bench service`: what the API answers, and how soon, while the pipeline takes a live feed."""

import asyncio
import random
import statistics
import sys
import time
from decimal import Decimal
from typing import Any

import click
import httpx
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.table import Table

from bench.cluster import FOLDER, fresh_stack
from bench.feed import feeding, started
from bench.load import Connection, Load
from bench.tape import SECOND_NS, START_S, symbol_names
from deploy.errors import UserError
from deploy.serving import serving
from deploy.stack import Stack
from services.candle_json import instant_text
from services.projections.postgres import Postgres

SYMBOLS = 500
DAY_S = 86_400
DAY_START_S = START_S // DAY_S * DAY_S - DAY_S
PAGED = 50
WARM_S = 20
GOAL_INSIDE_S = "0.002"


@click.command()
@click.option("--trades", default=20_000, show_default=True, help="Trades a second that the pipeline takes meanwhile.")
@click.option("--requests", default=200, show_default=True, help="Days of one-minute candles asked for a second.")
@click.option("--seconds", default=45, show_default=True, help="How long.")
def service(trades: int, requests: int, seconds: int) -> None:
    """Time the API beside a live feed.

    Ask it for days of one-minute candles and for latest candles, while a feed runs through the candle job, into
    PostgreSQL and Redis.

    Times are from when a request was due to the last byte of its answer. All of it runs on this machine.
    """
    console = Console()
    with fresh_stack(False, lambda part, took: None) as stack:
        _, target = started(stack, {})
        _fill(stack)
        with (
            serving(FOLDER, "--limit=100000/second") as address,
            feeding(target, trades, SYMBOLS),
            console.status("warming up"),
        ):
            _await_candles(address)
            first = asyncio.run(_warm(address))
            time.sleep(WARM_S)
            before = _counted(address)
            pages, latest = asyncio.run(_load(address, requests, seconds))
            after = _counted(address)
    console.print(_table(pages, latest))
    inside = _share_inside(before, after)
    hits = _share_of_hits(before, after)
    console.print(f"latest candles: {inside:.1%} within 2 ms inside the service, {hits:.1%} from memory or Redis")
    console.print(f"a page that is asked for the first time: {1_000 * statistics.median(first):.0f} ms")
    console.print(f"{pages.bytes_read / len(pages.seconds) / 1e3:.0f} KB a page; {trades:,} trades/s meanwhile")
    sys.exit(1 if pages.failures or latest.failures else 0)


def _fill(stack: Stack) -> None:
    """A day of candles is in the database."""
    with Postgres(stack.postgres_url) as store:
        store.prepare()
        for symbol in symbol_names(PAGED):
            store.write(_candle(symbol, minute) for minute in range(DAY_S // 60))


def _candle(symbol: str, minute: int) -> dict[str, Any]:
    start = (DAY_START_S + 60 * minute) * SECOND_NS
    price = Decimal(100_000 + minute) / 100
    return {
        "symbol": symbol,
        "resolution": "1m",
        "window_start": start,
        "window_end": start + 60 * SECOND_NS,
        **dict.fromkeys(("open", "high", "low", "close", "vwap"), price),
        "volume": Decimal("1234.5678"),
        "notional": price * Decimal("1234.5678"),
        "trade_count": 321,
        "duplicate_count": 0,
        "first_ts_event": start + 1,
        "last_ts_event": start + 59 * SECOND_NS,
        "complete": True,
        "revision": 0,
        "revision_reason": None,
    }


def _day(symbol: str) -> str:
    start, end = (instant_text(second * SECOND_NS) for second in (DAY_START_S, DAY_START_S + DAY_S))
    return f"/v1/candles?resolution=1m&start={start}&end={end}&symbol={symbol}"


async def _warm(address: str) -> list[float]:
    """Seconds that each page took that nobody had asked for before, one after the other."""
    connection, seconds = Connection(address), list[float]()
    for symbol in symbol_names(PAGED):
        began = time.perf_counter()
        await connection.get(_day(symbol))
        seconds.append(time.perf_counter() - began)
    connection.drop()
    return seconds


async def _load(address: str, requests: int, seconds: int) -> tuple[Load, Load]:
    paged, live = symbol_names(PAGED), symbol_names(SYMBOLS)
    pages = Load(address, lambda: _day(random.choice(paged)), requests)
    latest = Load(address, lambda: f"/v1/latest?resolution=1s&symbol={random.choice(live)}", requests / 4)
    await asyncio.gather(pages.run(seconds), latest.run(seconds))
    return pages, latest


def _await_candles(address: str) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            if len(httpx.get(f"{address}/v1/symbols").json()) >= SYMBOLS:
                return
        except (httpx.HTTPError, ValueError):
            pass
        time.sleep(1)
    raise UserError(f"{address} shows no candles: look into {FOLDER}/logs")


def _counted(address: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = httpx.get(f"{address}/metrics").text
    families = text_string_to_metric_families(text)
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}


def _share_inside(before: Any, after: Any) -> float:
    name, labels = "tickloom_api_request_seconds", {"route": "/v1/latest", "status": "200"}
    within = _grown(before, after, f"{name}_bucket", {**labels, "le": GOAL_INSIDE_S})
    return within / _grown(before, after, f"{name}_count", labels)


def _share_of_hits(before: Any, after: Any) -> float:
    name = "tickloom_cache_requests_total"
    hits = (_grown(before, after, name, {"result": result}) for result in ("memory", "hit"))
    return sum(hits) / _grown(before, after, name, {})


def _grown(before: Any, after: Any, name: str, labels: dict[str, str]) -> float:
    """By how much the samples with these labels have grown together."""
    found = [key for key in after if key[0] == name and labels.items() <= dict(key[1]).items()]
    return float(sum(after[key] - before.get(key, 0) for key in found))


def _table(pages: Load, latest: Load) -> Table:
    table = Table("asked for", "a second", "p50 ms", "p95 ms", "p99 ms", "failed")
    for name, load in (("a day of 1m candles", pages), ("a latest candle", latest)):
        cuts = statistics.quantiles(load.seconds, n=100)
        figures = [f"{1_000 * cuts[number - 1]:.1f}" for number in (50, 95, 99)]
        table.add_row(name, f"{load.rate_hz:g}", *figures, str(load.failures))
    return table
