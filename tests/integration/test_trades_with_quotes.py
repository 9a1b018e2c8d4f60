"""Trades with the quotes in force on Kafka: every one, and every window, is what the events lead to."""

import random
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from deploy.stack import Stack
from jobs import topics
from jobs.kafka import quoted_sinks
from jobs.settings import Settings
from schemas import registry
from schemas.codec import Encoder
from schemas.topics import QUOTED, QUOTED_REJECTED, QUOTES, subject
from services.committed import CommittedReader
from services.flow_oracle import ExpectedFlow, ExpectedTrade, expected_flow, expected_trades
from services.oracle import SECOND_NS, CandleKey
from services.records import QuoteRecord, TradeRecord
from tests.integration.candle_job import START_NS, TIMEOUT_S, CandleJob, Feed, differing, settings, wait_until
from tests.services.tape import quote, trade

pytestmark = [pytest.mark.integration, pytest.mark.thorough]

RESOLUTIONS = ("1s", "1m")
REALISED_AFTER_NS = 5 * SECOND_NS
JOB = "jobs/trades_with_quotes.py"


class Tape(NamedTuple):
    """Trades and quotes, each with its partition; of a symbol all are in one."""

    trades: list[tuple[int, TradeRecord]]
    quotes: list[tuple[int, QuoteRecord]]


class Feeds:
    """A topic of trades and one of quotes."""

    def __init__(self, stack: Stack) -> None:
        self.trades, self.quotes = Feed(stack, partitions=2), Feed(stack, partitions=2)
        self.encoder = Encoder(registry.register(stack.registry_client(), RESOLUTIONS)[subject(QUOTES)], "quote")

    def send(self, tape: Tape) -> None:
        for partition, each in tape.trades:
            self.trades.send(partition, each)
        for partition, told in tape.quotes:
            message, at_ms = self.encoder.encode(told), told["ts_event"] // 1_000_000
            self.quotes.send_bytes(partition, message, at_ms, told["symbol"].encode())
        self.trades.flush()
        self.quotes.flush()


def made(feed: Feed, count: int, seed: int) -> Tape:
    """Two symbols quoted at two venues: bursts, silence, one-sided and crossed quotes, sizes that are not told, trades
    at the instant of a quote, trades whose side the venue tells, copies.
    """
    dice, at, tape = random.Random(seed), START_NS, Tape([], [])
    for number in range(count):
        at += dice.choice((0, 1, 1_000_000, 90_000_000, 900_000_000, 2 * SECOND_NS, 45 * SECOND_NS))
        place, venue = dice.randrange(2), dice.choice(("XNAS", "XNYS"))
        symbol, early = feed.symbol("AB"[place]), dice.choice((0, 0, dice.randrange(1_500_000_000)))
        if dice.random() < 0.5:
            aggressor = dice.choice((None, None, None, "buy", "sell"))
            more = {"venue": venue, "trade_id": str(number), "aggressor": aggressor}
            price, size = f"{(1_000 + dice.randrange(-3, 5)) / 100:.2f}", str(dice.randrange(1, 9))
            found = trade(at - early, price, size, symbol=symbol, **more)
            tape.trades.extend([(place, found)] * dice.choice((1, 1, 1, 2)))
        else:
            tape.quotes.append((place, _quote(dice, symbol, venue, at - early)))
    return tape


def _quote(dice: random.Random, symbol: str, venue: str, ts_event: int) -> QuoteRecord:
    bid = 1_000 + dice.randrange(-3, 4)
    ask = bid + dice.choice((-1, 0, 1, 1, 2, 3))
    sides = dice.choice(((bid, ask), (bid, ask), (bid, ask), (None, ask), (bid, None), (None, None)))
    prices = [None if each is None else f"{each / 100:.2f}" for each in sides]
    sizes = [None if each is None or dice.random() < 0.02 else Decimal(dice.randrange(1, 30)) for each in sides]
    return quote(ts_event, *prices, symbol=symbol, venue=venue, bid_size=sizes[0], ask_size=sizes[1])


def expected(feed: Feed, tape: Tape) -> tuple[list[ExpectedTrade], dict[CandleKey, ExpectedFlow]]:
    trades: list[ExpectedTrade] = []
    flow: dict[CandleKey, ExpectedFlow] = {}
    for symbol in map(feed.symbol, "AB"):
        sold = {each["trade_id"]: each for _, each in tape.trades if each["symbol"] == symbol}
        quoted = [each for _, each in tape.quotes if each["symbol"] == symbol]
        joined = expected_trades(sorted(sold.values(), key=lambda each: each["ts_event"]), quoted, REALISED_AFTER_NS)
        trades += joined
        flow |= expected_flow(symbol, joined, quoted, RESOLUTIONS)
    return trades, flow


def committed(stack: Stack, chosen: Settings, feed: Feed) -> tuple[list[ExpectedTrade], dict[CandleKey, ExpectedFlow]]:
    """What the job told of this feed, each once and in the order of the trades."""
    schemas = {topic: schema for _, topic, schema in quoted_sinks(chosen) if topic != QUOTED_REJECTED}
    with CommittedReader(stack.kafka_client(), stack.registry_client(), schemas) as reader:
        own = [each for each in reader.read_to_end(TIMEOUT_S) if each.record["symbol"].startswith(feed.name)]
    trades = [each.record for each in own if each.topic == QUOTED]
    windows = [each.record for each in own if each.topic != QUOTED]
    assert len({CandleKey.of(each) for each in windows}) == len(windows)
    by_symbol = sorted(trades, key=lambda each: each["symbol"])  # stable: those of a symbol are in one partition
    return [ExpectedTrade.of(each) for each in by_symbol], {
        CandleKey.of(each): ExpectedFlow.of(each) for each in windows
    }


def rejected(stack: Stack, topic: str) -> list[dict[str, Any]]:
    with CommittedReader(stack.kafka_client(), stack.registry_client(), {QUOTED_REJECTED: "rejected_trade"}) as reader:
        return [each.record for each in reader.read_to_end(TIMEOUT_S) if each.record["topic"] == topic]


def chosen_for(stack: Stack, feeds: Feeds) -> Settings:
    own = {"quotes_topic": feeds.quotes.topic, "resolutions": ",".join(RESOLUTIONS), "parallelism": 2}
    return settings(stack, feeds.trades, **own)


def read(job: CandleJob, messages: int) -> None:
    wait_until(lambda: job.counted("ticks.numRecordsIn", "valid.numRecordsIn") >= messages, f"{messages} messages")


def count(*tapes: Tape) -> int:
    return sum(len(each.trades) + len(each.quotes) for each in tapes)


def halves(tape: Tape) -> tuple[Tape, Tape]:
    """The first ends a second or two before the second begins, by the feeds' disorder."""
    middle = sorted(each["ts_event"] for _, each in tape.trades)[len(tape.trades) // 2]

    def part(events: Sequence[Any], late: bool) -> list[Any]:
        return [each for each in events if (each[1]["ts_event"] >= middle) == late]

    return tuple(Tape(part(tape.trades, late), part(tape.quotes, late)) for late in (False, True))  # type: ignore[return-value]


def test_every_trade_has_the_quote_of_its_time_also_after_a_stop_and_what_is_no_event_is_rejected(stack: Stack) -> None:
    feeds = Feeds(stack)
    tape = made(feeds.trades, 4_000, seed=11)
    first, second = halves(tape)
    chosen = chosen_for(stack, feeds)
    topics.prepare(chosen, "trades_with_quotes")
    feeds.send(first)
    feeds.quotes.send_bytes(0, b"no quote", START_NS // 1_000_000)
    feeds.trades.send_bytes(1, b"no trade", START_NS // 1_000_000)
    feeds.trades.send(1, trade(START_NS, "-1", symbol=feeds.trades.symbol("A")))
    with CandleJob.submit(stack, chosen, file=JOB) as job:
        read(job, count(first) + 3)
        savepoint = job.stop()
    feeds.send(second)
    late = trade(START_NS, symbol=feeds.trades.symbol("A"))
    bust = trade(
        START_NS, symbol=feeds.trades.symbol("A"), action="cancel", original_ts_event=START_NS, original_trade_id="1"
    )
    with CandleJob.submit(stack, chosen, file=JOB, savepoint=savepoint) as job:
        read(job, count(second))
        for each in (late, bust):
            feeds.trades.send(0, each)
        feeds.trades.flush()
        read(job, count(second) + 2)
        job.begin_stop(drain=True)
        job.await_end()

    trades, flow = committed(stack, chosen, feeds.trades)
    expected_to_be, flow_to_be = expected(feeds.trades, tape)
    assert differing(dict(enumerate(trades)), dict(enumerate(expected_to_be))) == []
    assert differing(flow, flow_to_be) == []
    assert {each.aggressor_source for each in trades} == {"venue", "quote", "tick", None}
    assert [each["rule"] for each in rejected(stack, feeds.quotes.topic)] == ["magic"]
    assert sorted(each["rule"] for each in rejected(stack, feeds.trades.topic)) == ["cancel", "late", "magic", "price"]
