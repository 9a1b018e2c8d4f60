"""The quote job on Kafka: every candle of the best bid and offer is the one that its quotes lead to."""

import random
from typing import Any

import pytest

from deploy.stack import Stack
from jobs import topics
from jobs.kafka import quote_sinks
from jobs.settings import Settings
from schemas import registry
from schemas.codec import Encoder
from schemas.topics import QUOTES, QUOTES_REJECTED, subject
from services.committed import CommittedReader
from services.oracle import SECOND_NS, CandleKey
from services.quote_oracle import ExpectedQuoteCandle, expected_quote_candles
from services.records import QuoteRecord
from tests.integration.candle_job import START_NS, TIMEOUT_S, CandleJob, Feed, differing, settings, wait_until
from tests.services.tape import quote

pytestmark = [pytest.mark.integration, pytest.mark.thorough]

RESOLUTIONS = ("1s", "1m", "1h")
VENUES = ("COINBASE", "KRAKEN", "BINANCE")
DAY_S = 86_400


def tape(feed: Feed, count: int, seed: int) -> list[tuple[int, QuoteRecord]]:
    """Quotes of two instruments at three venues, with bursts, silence, one-sided, locked and crossed ones."""
    dice, at, found = random.Random(seed), START_NS, []
    for _ in range(count):
        at += dice.choice((0, 1_000_000, 90_000_000, 90_000_000, 2 * SECOND_NS, 45 * SECOND_NS))
        place = dice.randrange(2), dice.randrange(3)
        bid = 1_000 + dice.randrange(-3, 4)
        ask = bid + dice.choice((-1, 0, 1, 2, 3))
        sides = dice.choice(((bid, ask), (bid, ask), (bid, ask), (None, ask), (bid, None), (None, None)))
        texts = [None if each is None else f"{each / 100:.2f}" for each in sides]
        ts_event = at - dice.randrange(1_500_000_000)
        symbol, venue = feed.symbol("AB"[place[0]]), VENUES[place[1]]
        found.append((sum(place) % 2, quote(ts_event, *texts, symbol=f"{symbol}.{venue}", venue=venue)))
    return found


def committed(stack: Stack, chosen: Settings) -> dict[str, list[dict[str, Any]]]:
    schemas = {topic: schema for _, topic, schema in quote_sinks(chosen)}
    found: dict[str, list[dict[str, Any]]] = {topic: [] for topic in schemas}
    with CommittedReader(stack.kafka_client(), stack.registry_client(), schemas) as reader:
        for each in reader.read_to_end(TIMEOUT_S):
            found[each.topic].append(each.record)
    return found


def send(feed: Feed, encoder: Encoder, quotes: list[tuple[int, QuoteRecord]]) -> None:
    for partition, each in quotes:
        feed.send_bytes(partition, encoder.encode(each), each["ts_event"] // 1_000_000, each["symbol"].encode())
    feed.flush()


def encoder_of(stack: Stack) -> Encoder:
    return Encoder(registry.register(stack.registry_client(), RESOLUTIONS)[subject(QUOTES)], "quote")


def chosen_for(stack: Stack, feed: Feed, **changed: Any) -> Settings:
    own = {"quotes_topic": feed.topic, "resolutions": ",".join(RESOLUTIONS), "parallelism": 2}
    return settings(stack, feed, **own, **changed)


def candles_of(feed: Feed, found: dict[str, list[dict[str, Any]]]) -> dict[CandleKey, ExpectedQuoteCandle]:
    """Each once; of this feed alone, since jobs share their output topics."""
    own = [each for rows in found.values() for each in rows if each.get("symbol", "").startswith(feed.name)]
    assert len({CandleKey.of(each) for each in own}) == len(own)
    return {CandleKey.of(each): ExpectedQuoteCandle.of(each) for each in own}


def expected(quotes: list[tuple[int, QuoteRecord]]) -> dict[CandleKey, ExpectedQuoteCandle]:
    """Of one instant, partition 0 comes first."""
    return expected_quote_candles(
        [each for partition in (0, 1) for place, each in quotes if place == partition], RESOLUTIONS
    )


def test_every_candle_is_that_of_a_recomputation_and_what_is_no_quote_is_rejected(stack: Stack) -> None:
    feed, encoder = Feed(stack, partitions=2), encoder_of(stack)
    quotes = tape(feed, 3_000, seed=7)
    send(feed, encoder, quotes)
    feed.send_bytes(0, b"no quote", START_NS // 1_000_000)
    feed.send_bytes(1, encoder.encode(quotes[0][1])[:-3], START_NS // 1_000_000)
    feed.send_bytes(1, encoder.encode({**quotes[0][1], "ts_event": START_NS * 2}), START_NS // 1_000_000)
    feed.flush()
    chosen = chosen_for(stack, feed, stop_offsets=feed.stop_offsets)
    topics.prepare(chosen, "quotes")
    with CandleJob.launch(stack, chosen, file="jobs/quotes.py") as job:
        job.await_end()

    found = committed(stack, chosen)
    rejected = [each for each in found.pop(QUOTES_REJECTED) if each["topic"] == feed.topic]
    assert differing(candles_of(feed, found), expected(quotes)) == []
    assert sorted(each["rule"] for each in rejected) == ["future", "magic", "truncated"]


def test_a_stopped_job_goes_on_with_the_quotes_that_hold_and_its_open_windows(stack: Stack) -> None:
    feed, encoder = Feed(stack, partitions=2), encoder_of(stack)
    quotes = tape(feed, 2_000, seed=8)
    send(feed, encoder, quotes[:1_000])
    chosen = chosen_for(stack, feed)
    topics.prepare(chosen, "quotes")
    with CandleJob.submit(stack, chosen, file="jobs/quotes.py") as job:
        wait_until(lambda: job.counted("valid.numRecordsIn") >= 1_000, "the first half")
        savepoint = job.stop()
    send(feed, encoder, quotes[1_000:])
    with CandleJob.submit(stack, chosen, file="jobs/quotes.py", savepoint=savepoint) as job:
        wait_until(lambda: job.counted("valid.numRecordsIn") >= 1_000, "the second half")
        job.begin_stop(drain=True)
        job.await_end()

    found = committed(stack, chosen)
    assert not [each for each in found.pop(QUOTES_REJECTED) if each["topic"] == feed.topic]
    assert differing(candles_of(feed, found), expected(quotes)) == []


def test_an_instrument_that_is_quoted_no_more_is_forgotten_and_one_that_comes_back_begins_anew(stack: Stack) -> None:
    feed, encoder = Feed(stack, partitions=2), encoder_of(stack)

    def quoted(after_s: int, bid: str, venue: str, name: str = "A") -> tuple[int, QuoteRecord]:
        symbol, at = f"{feed.symbol(name)}.{venue}", START_NS + after_s * SECOND_NS
        return 0, quote(at, bid, "11", symbol=symbol, venue=venue)

    before, clock = [quoted(0, "10", "X"), quoted(1, "9", "Y")], [quoted(3 * DAY_S, "1", "X", "clock")]
    again, late = [quoted(3 * DAY_S + 1, "8", "Y")], [quoted(2, "7", "Y")]
    chosen = chosen_for(stack, feed, forget_after="48h")
    topics.prepare(chosen, "quotes")
    send(feed, encoder, [*before, *clock, (1, clock[0][1])])
    with CandleJob.submit(stack, chosen, file="jobs/quotes.py") as job:
        wait_until(lambda: job.counted("valid.numRecordsIn") >= 4, "what makes it forgotten")
        send(feed, encoder, [*late, *again])
        wait_until(lambda: job.counted("valid.numRecordsIn") >= 6, "what comes again")
        job.begin_stop(drain=True)
        job.await_end()

    found = committed(stack, chosen)
    (refused,) = [each for each in found.pop(QUOTES_REJECTED) if each["topic"] == feed.topic]
    assert (refused["rule"], refused["symbol"]) == ("late", feed.symbol("A"))
    candles = {key: each for key, each in candles_of(feed, found).items() if key.symbol == feed.symbol("A")}
    assert candles == expected(before) | expected(again)
