"""The session job behind the candle job, as users start them: trades in, session candles and market status out.

The days are around Independence Day 2024: 3 July was a half day in New York, futures closed at noon on the fourth.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from confluent_kafka import Producer

from deploy.stack import Stack
from jobs.kafka import session_sinks
from jobs.settings import Settings
from schemas import registry, topics
from schemas.codec import Encoder
from schemas.exact import floor_instant, nanoseconds
from services.committed import Committed, CommittedReader
from services.oracle import ExpectedCandle, Tick, candle
from tests.integration import stacks
from tests.integration.candle_job import CandleJob, wait_until
from udfs.accumulator import Accumulator, of_trade

pytestmark = [pytest.mark.integration, pytest.mark.thorough]

MINUTES = topics.candles("1m")
CALENDARS = "AAPL=XNYS,ES*=CMES"
MINUTE_NS = 60 * 10**9
UNIT = 10**12
TIMEOUT_S = 120
TRADES = """\
ts_event,symbol,price,size
2024-07-03T08:00:00Z,AAPL,1,10
2024-07-03T13:29:59Z,AAPL,2,10
2024-07-03T13:30:00Z,AAPL,3.000000000001,20
2024-07-03T15:00:00Z,AAPL,7,1
2024-07-03T16:59:59.999999999Z,AAPL,4,30
2024-07-03T17:00:00Z,AAPL,5,40
2024-07-03T20:59:59Z,AAPL,6,50
2024-07-03T21:00:00Z,AAPL,99,99
2024-07-03T22:00:00Z,ESU4,5600,1
2024-07-04T16:59:59Z,ESU4,5590.25,2
2024-07-04T17:30:00Z,ESU4,5591,9
2024-07-04T22:00:00Z,ESU4,5592,3
2024-07-03T00:00:00Z,BTC-USD,60000,0.5
2024-07-03T23:59:59Z,BTC-USD,59000,0.25
2024-07-04T00:00:00Z,BTC-USD,58000,0.125
2024-07-06T12:00:00Z,BTC-USD,57000,1
2024-07-11T18:00:00Z,BTC-USD,57000,1
"""
"""The last trade, five days ahead, closes the minute of the one before, which closes all sessions before its own."""
SESSIONS = [
    ("AAPL", "extended", "2024-07-03T08:00:00Z", "2024-07-03T13:30:00Z"),
    ("AAPL", "session", "2024-07-03T13:30:00Z", "2024-07-03T17:00:00Z"),
    ("AAPL", "extended", "2024-07-03T17:00:00Z", "2024-07-03T21:00:00Z"),
    ("AAPL", "day", "2024-07-03T08:00:00Z", "2024-07-03T21:00:00Z"),
    ("ESU4", "session", "2024-07-03T22:00:00Z", "2024-07-04T17:00:00Z"),
    ("ESU4", "session", "2024-07-04T22:00:00Z", "2024-07-05T21:00:00Z"),
    ("BTC-USD", "session", "2024-07-03T00:00:00Z", "2024-07-04T00:00:00Z"),
    ("BTC-USD", "session", "2024-07-04T00:00:00Z", "2024-07-05T00:00:00Z"),
]

Key = tuple[str, str, int, int]
"""(symbol, resolution, window_start, revision)."""


def ticks(tape: str = TRADES) -> dict[str, list[Tick]]:
    """The trades by symbol."""
    found = defaultdict(list)
    for offset, row in enumerate(csv.DictReader(tape.splitlines())):
        at = nanoseconds(row["ts_event"])
        found[row["symbol"]].append(Tick(at, None, None, offset, Decimal(row["price"]), Decimal(row["size"])))
    return found


def expected(symbol: str, start: str, end: str, *late: Tick) -> ExpectedCandle:
    """The candle of a window's trades, recomputed."""
    window = nanoseconds(start), nanoseconds(end)
    held = [tick for tick in [*ticks()[symbol], *late] if window[0] <= tick.ts_event < window[1]]
    return candle(held, 0, window[1])


@dataclass
class Watched:
    """What has been committed so far; `twice` are candles seen more than once."""

    reader: CommittedReader
    candles: dict[Key, dict[str, Any]] = field(default_factory=dict)
    twice: list[Key] = field(default_factory=list)
    minutes: dict[tuple[str, int], Committed] = field(default_factory=dict)
    statuses: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def poll(self) -> None:
        """Take in the next record."""
        found = self.reader.poll(0.1)
        if found is None:
            return
        record = found.record
        if found.topic == MINUTES:
            self.minutes.setdefault((record["symbol"], record["window_start"]), found)
        elif found.topic == topics.MARKET_STATUS:
            since = f"{floor_instant(record['since']):%d %H:%M:%S}"
            self.statuses[record["symbol"]].append(f"{since} {record['status']} {record['session_date'] or '-'}")
        else:
            key = record["symbol"], record["resolution"], record["window_start"], record["revision"]
            self.twice += [key] if key in self.candles else []
            self.candles[key] = record

    def await_candle(self, key: Key) -> ExpectedCandle:
        """The candle, once it is committed, with the fields that were recomputed."""

        def seen() -> bool:
            self.poll()
            return key in self.candles

        wait_until(seen, f"{key}", TIMEOUT_S)
        record = self.candles[key]
        return ExpectedCandle(**{name: record[name] for name in ExpectedCandle._fields})

    def await_statuses(self, symbol: str, count: int) -> list[str]:
        """The first statuses of a symbol, once so many are committed."""

        def seen() -> bool:
            self.poll()
            return len(self.statuses[symbol]) >= count

        wait_until(seen, f"{count} statuses of {symbol}", TIMEOUT_S)
        return self.statuses[symbol][:count]


@dataclass(frozen=True)
class Running:
    """The two jobs on a stack of their own, and what they have committed."""

    stack: Stack
    sessions: CandleJob
    watched: Watched

    def revise(self, start: str, revision: int, *late: Tick) -> None:
        """Write the next revision of a minute of AAPL, with these trades added to its first."""
        found = self.watched.minutes["AAPL", nanoseconds(start)]
        added = [
            of_trade(tick.ts_event, int(tick.price * UNIT), int(tick.size * UNIT), (tick.offset, 0)) for tick in late
        ]
        accumulator = Accumulator.merged([Accumulator.from_bytes(found.record["accumulator"]), *added])
        window = found.record["window_start"], found.record["window_end"]
        record = accumulator.rolled_up().candle("AAPL", "1m", window, revision, "late")
        identity = registry.register(self.stack.registry_client(), ["1m"])[topics.subject(MINUTES)]
        producer = Producer({"bootstrap.servers": self.stack.bootstrap_servers})
        producer.produce(MINUTES, Encoder(identity, "candle").encode(record), b"AAPL", found.partition)
        assert producer.flush(30) == 0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("sessions")
    (folder / "trades.csv").write_text(TRADES)
    try:
        stack = stacks.up(folder)
        addresses = {"brokers": stack.bootstrap_servers, "registry": stack.registry_url, "idle_timeout": "2s"}
        registry.register(stack.registry_client(), Settings().resolutions)
        CandleJob.submit(stack, Settings.load({**addresses, "out_of_orderness": "120h"}))
        times = {"silent_after": "10s", "session_horizon": "240h"}
        job = CandleJob.submit(
            stack, Settings.load({**addresses, **times, "calendars": CALENDARS}), file="jobs/sessions.py", restart=True
        )
        stacks.tickloom(folder, "replay", str(folder / "trades.csv"), "--speed=max")
        schemas = {MINUTES: "candle", **{topic: schema for _, topic, schema in session_sinks()}}
        with CommittedReader(stack.kafka_client(), stack.registry_client(), schemas) as reader:
            yield Running(stack, job, Watched(reader))
    finally:
        stacks.down(folder)


@pytest.mark.parametrize(("symbol", "resolution", "start", "end"), SESSIONS)
def test_a_candle_of_a_session_equals_its_trades_recomputed(
    running: Running, symbol: str, resolution: str, start: str, end: str
) -> None:
    key = (symbol, resolution, nanoseconds(start), 0)
    assert running.watched.await_candle(key) == expected(symbol, start, end)
    assert running.watched.candles[key]["complete"]
    assert running.watched.candles[key]["revision_reason"] is None


def test_no_candle_is_published_twice_or_for_anything_else(running: Running) -> None:
    known = {(symbol, resolution, nanoseconds(start), 0) for symbol, resolution, start, _ in SESSIONS}
    assert running.watched.candles.keys() == known
    assert running.watched.twice == []


def test_the_status_tells_a_closed_market_from_a_silent_feed(running: Running) -> None:
    assert running.watched.await_statuses("AAPL", 13) == [
        "03 08:00:00 extended 2024-07-03",
        "03 13:30:00 open 2024-07-03",
        "03 13:31:10 silent 2024-07-03",
        "03 15:00:00 open 2024-07-03",
        "03 15:01:10 silent 2024-07-03",
        "03 16:59:00 open 2024-07-03",
        "03 17:00:00 extended 2024-07-03",
        "03 21:00:00 closed -",
        "05 08:00:00 extended 2024-07-05",
        "05 13:30:00 open 2024-07-05",
        "05 13:30:10 silent 2024-07-05",
        "05 20:00:00 extended 2024-07-05",
        "06 00:00:00 closed -",
    ]


def test_the_wall_clock_tells_that_all_feeds_are_silent(running: Running) -> None:
    assert running.watched.await_statuses("BTC-USD", 7)[-2:] == [
        "06 12:00:00 open 2024-07-06",
        "06 12:01:10 silent 2024-07-06",
    ]


def test_a_revised_minute_revises_its_session_also_after_a_restart(running: Running) -> None:
    start, end = "2024-07-03T13:30:00Z", "2024-07-03T17:00:00Z"
    first = Tick(nanoseconds("2024-07-03T15:00:30Z"), None, None, 100, Decimal("0.5"), Decimal(2))
    second = Tick(nanoseconds("2024-07-03T15:00:40Z"), None, None, 101, Decimal(11), Decimal(3))
    running.revise("2024-07-03T15:00:00Z", 1, first)
    key = ("AAPL", "session", nanoseconds(start))
    assert running.watched.await_candle((*key, 1)) == expected("AAPL", start, end, first)
    assert running.watched.candles[*key, 1]["revision_reason"] == "late"

    savepoint = running.sessions.stop()
    chosen = Settings.load(
        {
            "brokers": running.stack.bootstrap_servers,
            "registry": running.stack.registry_url,
            "calendars": CALENDARS,
            "session_horizon": "240h",
            "parallelism": 1,
        }
    )
    with CandleJob.submit(running.stack, chosen, savepoint=savepoint, file="jobs/sessions.py"):
        running.revise("2024-07-03T15:00:00Z", 2, first, second)
        assert running.watched.await_candle((*key, 2)) == expected("AAPL", start, end, first, second)
    assert running.watched.twice == []
