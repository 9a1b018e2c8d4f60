"""Candles that are known beforehand, and candles of drawn tapes beside the oracle's: one job for all of them.

The tapes are written in waves while the job runs and checkpoints every 50 ms, so that partial candles leave the fold
at any moment. Every case has a symbol of its own.
"""

import time
from collections import defaultdict
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest

from deploy.stack import Stack
from schemas.resolutions import DEFAULT
from services.oracle import SECOND_NS, CandleKey, expected_candles
from services.records import TradeRecord
from services.sale_conditions import SaleConditions
from services.verdict import compare
from tests.integration import tapes
from tests.integration.candle_job import START_NS, CandleJob, Feed, settings
from tests.integration.candle_output import Output
from tests.services.tape import trade

pytestmark = pytest.mark.integration

TAPES = tapes.drawn(300)
CONDITIONS = SaleConditions(tapes.CONDITIONS)
WITH_COPIES = 40
"""So many of the tapes are also sent with a copy of each trade that has an id."""


@dataclass(frozen=True)
class Known:
    """A tape in the order of its offsets and what its candle of a resolution must say."""

    says: str
    tape: list[TradeRecord]
    candle: dict[str, Any]
    resolution: str = "1s"


LONG = ("123456789012345", "1234567890123456")
"""Ids of 15 and of 16 digits: of these one is kept as a number."""


def at(nanos: int, price: str = "1", size: str = "1", **fields: Any) -> TradeRecord:
    """A trade so many nanoseconds after the start of the tapes."""
    return trade(START_NS + nanos, price, size, **fields)


KNOWN = [
    Known(
        "a candle by hand",
        [at(3, "11.5", "2"), at(1, "10.25", "1"), at(2, "9.75", "4"), at(4, "10", "3")],
        {
            "open": Decimal("10.25"),
            "high": Decimal("11.5"),
            "low": Decimal("9.75"),
            "close": Decimal("10"),
            "volume": Decimal(10),
            "notional": Decimal("102.25"),
            "vwap": Decimal("10.225"),
            "trade_count": 4,
            "duplicate_count": 0,
            "first_ts_event": START_NS + 1,
            "last_ts_event": START_NS + 4,
            "window_start": START_NS,
            "window_end": START_NS + SECOND_NS,
            "complete": True,
            "revision": 0,
            "revision_reason": None,
        },
    ),
    Known(
        "a trade on the edge of a second belongs to the second that begins",
        [at(SECOND_NS, "2"), at(SECOND_NS - 1, "1")],
        {"open": Decimal(1), "close": Decimal(1), "trade_count": 1},
    ),
    Known(
        "a minute has its own open and close, whatever order its seconds came in",
        [at(9 * SECOND_NS, "3"), at(0, "1"), at(39 * SECOND_NS, "7"), at(20 * SECOND_NS, "5", "2")],
        {
            "open": Decimal(1),
            "close": Decimal(7),
            "high": Decimal(7),
            "low": Decimal(1),
            "volume": Decimal(5),
            "vwap": Decimal("4.2"),
            "trade_count": 4,
        },
        "1m",
    ),
    Known(
        "at one nanosecond the sequence decides within a venue",
        [at(5, "3", venue="X", sequence=9), at(5, "1", venue="X", sequence=7), at(5, "2", venue="X", sequence=8)],
        {"open": Decimal(1), "close": Decimal(3)},
    ),
    Known(
        "at one nanosecond sequences of two venues do not compare and the offset decides",
        [at(5, "1", venue="X", sequence=900), at(5, "2", venue="Y", sequence=1)],
        {"open": Decimal(1), "close": Decimal(2)},
    ),
    Known(
        "at one nanosecond trades without sequence are in the order of their offsets",
        [at(5, "2", venue="Y"), at(5, "1", venue="X"), at(5, "3")],
        {"open": Decimal(2), "close": Decimal(3)},
    ),
    Known(
        "at one nanosecond a venue is represented by its outermost sequence and an unnumbered trade by its offset",
        [at(5, "1", venue="X", sequence=7), at(5, "2"), at(5, "3", venue="X", sequence=6)],
        {"open": Decimal(2), "close": Decimal(2)},
    ),
    Known(
        "sequences may be negative and as large as 64 bits",
        [at(5, "1", venue="X", sequence=2**63 - 1), at(5, "2", venue="X", sequence=-(2**63))],
        {"open": Decimal(2), "close": Decimal(1)},
    ),
    Known(
        "a copy is counted and not summed, by venue and id and never by content",
        [
            at(1, "5", "2", venue="X", trade_id="7"),
            at(1, "6", "9", venue="X", trade_id="7"),
            at(1, "5", "2", venue="Y", trade_id="7"),
        ],
        {"trade_count": 2, "duplicate_count": 1, "volume": Decimal(4), "high": Decimal(5)},
    ),
    Known(
        "ids that rise, fall and come again count once a venue",
        [
            *(at(1, venue="X", trade_id=str(number)) for number in (11, 12, 14, 13, 13, 11, 14, 15, 12)),
            *(at(1, venue="Y", trade_id=str(number)) for number in (12, 11, 11)),
        ],
        {"trade_count": 7, "duplicate_count": 5},
    ),
    Known(
        "many ids come again backwards",
        [at(1, trade_id=str(number)) for number in (*range(100, 200), *range(199, 99, -1))],
        {"trade_count": 100, "duplicate_count": 100},
    ),
    Known(
        "an id is a text: a number with other zeros before it, or with letters, is another",
        [at(1, trade_id=name) for name in ("7", "8", "07", "08", "007", "8a", "a8", "7", "08", "007", "8a", *LONG * 2)],
        {"trade_count": 9, "duplicate_count": 6},
    ),
    Known(
        "identical trades without an id are all counted",
        [at(1, "5", "2", venue="X")] * 3,
        {"trade_count": 3, "duplicate_count": 0, "volume": Decimal(6)},
    ),
    Known(
        "an id comes again in the next second as another trade",
        [at(0, trade_id="7"), at(SECOND_NS, trade_id="7")],
        {"trade_count": 2, "duplicate_count": 0},
        "1m",
    ),
    Known(
        "a price and a volume of 38 digits are exact, their notional has too many and is null",
        [at(1, "99999999999999999999999999.999999999999", "999999999999999999.999999999999")] * 2,
        {
            "open": Decimal("99999999999999999999999999.999999999999"),
            "volume": Decimal("1999999999999999999.999999999998"),
            "notional": None,
            "vwap": Decimal("99999999999999999999999999.999999999999"),
        },
    ),
    Known(
        "the largest notional that decimal(38, 24) holds is there",
        [at(1, "99999999999999.999999999999", "1"), at(1, "0.000000000001", "0.999999999999")],
        {"notional": Decimal("99999999999999.999999999999999999999999")},
    ),
    Known(
        "the smallest notional that decimal(38, 24) does not hold is null",
        [at(1, "99999999999999.999999999999", "1"), at(1, "0.000000000001", "1")],
        {"notional": None, "vwap": Decimal("50000000000000")},
    ),
    Known(
        "a vwap half-way between two units is rounded to the even one below",
        [at(1, "0.000000000002"), at(1, "0.000000000003")],
        {"vwap": Decimal("0.000000000002")},
    ),
    Known(
        "a vwap half-way between two units is rounded to the even one above",
        [at(1, "0.000000000001"), at(1, "0.000000000002")],
        {"vwap": Decimal("0.000000000002")},
    ),
    Known(
        "the vwap of a minute is rounded once and not from the rounded seconds",
        [at(1, "0.000000000001"), at(2, "0.000000000002"), at(SECOND_NS, "0.000000000001")],
        {"vwap": Decimal("0.000000000001"), "notional": Decimal("0.000000000004")},
        "1m",
    ),
    Known(
        "a notional just below 2^127 units, the last that 128 bits hold, keeps its sign",
        [
            *[at(1, "9223372.036854775807", "9223372.036854775807")] * 2,
            at(2, "0.000000000004", "6917529.027641081856"),
        ],
        {"vwap": Decimal("6707906.935894382406"), "notional": None},
    ),
    Known(
        "a volume beyond 64 bits is exact",
        [at(1, "1", "9223372.036854775807"), at(2, "1", "9223372.036854775807"), at(3, "1", "0.000000000001")],
        {"volume": Decimal("18446744.073709551615")},
    ),
    Known(
        "a trade whose conditions let it set no price counts in the volume",
        [at(1, "5", "2", venue="X", conditions=["no price"])],
        {"open": None, "high": None, "volume": Decimal(2), "vwap": Decimal(5), "first_ts_event": START_NS + 1},
    ),
    Known(
        "a trade that is first in its second and not in its minute sets no price of the minute",
        [at(1, "3", venue="X"), at(SECOND_NS, "9", venue="X", conditions=["if first"])],
        {"open": Decimal(3), "close": Decimal(3), "high": Decimal(3), "volume": Decimal(2)},
        "1m",
    ),
    Known(
        "a trade of extended hours sets the prices of a minute of its own",
        [at(1, "9", venue="X", conditions=["extended"])],
        {"open": Decimal(9), "close": Decimal(9), "high": Decimal(9)},
        "1m",
    ),
    Known(
        "a trade of extended hours sets no price of a day",
        [at(1, "9", venue="X", conditions=["extended"])],
        {"open": None, "close": None, "high": None, "volume": Decimal(1), "trade_count": 1},
        "1d",
    ),
    Known(
        "a candle without volume has no vwap",
        [at(1, "9", venue="X", conditions=["no volume"])],
        {"open": Decimal(9), "volume": Decimal(0), "vwap": None, "notional": Decimal(0)},
    ),
    Known(
        "a symbol may be written in any script",
        [at(1, symbol="ÄÖ😀" + "x" * 200)],
        {"trade_count": 1},
    ),
]


@dataclass(frozen=True)
class Planned:
    """A trade that is to be sent; `copy` when the same trade is sent just before it."""

    partition: int
    trade: TradeRecord
    copy: bool = False


@dataclass(frozen=True)
class Sent(Planned):
    """A trade that was sent, and the place by which equal times are ordered."""

    place: tuple[int, int] = (-1, -1)


class Waves:
    """The trades of every case, sent in waves with pauses in which the job folds and checkpoints."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._waves: list[list[Planned]] = [[] for _ in range(tapes.WAVES)]
        for number, known in enumerate(KNOWN):
            for made in known.tape:
                symbol = feed.symbol(f"K{number}-{made['symbol']}")
                self._waves[number % tapes.WAVES].append(Planned(number % 2, {**made, "symbol": symbol}))
        for number, tape in enumerate(TAPES):
            for each in tape:
                wave = self._waves[each.wave]
                wave.append(Planned(each.partition, each.trade(feed.symbol(f"T{number}"))))
                if number < WITH_COPIES:
                    first = Planned(each.partition, each.trade(feed.symbol(f"C{number}")))
                    wave.extend([first, replace(first, copy=True)] if each.identity else [first])

    @property
    def stop_offsets(self) -> str:
        """Where the partitions end once all waves are out."""
        partitions = [planned.partition for wave in self._waves for planned in wave]
        return ",".join(f"{each}:{partitions.count(each)}" for each in (0, 1))

    def send(self) -> dict[str, list[Sent]]:
        """Send all; returns the trades of each symbol in the order that places give them."""
        sent = defaultdict[str, list[Sent]](list)
        for wave in self._waves:
            for each in wave:
                place = self._feed.send(each.partition, each.trade)
                sent[each.trade["symbol"]].append(Sent(each.partition, each.trade, each.copy, place))
            self._feed.flush()
            time.sleep(0.5)
        return {symbol: sorted(trades, key=lambda each: each.place) for symbol, trades in sent.items()}


@dataclass(frozen=True)
class Answers:
    """What was sent and the candles that were committed, by symbol."""

    feed: Feed
    sent: dict[str, list[Sent]]
    candles: dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def answers(stack: Stack) -> Answers:
    feed = Feed(stack)
    waves = Waves(feed)
    chosen = settings(
        stack,
        feed,
        checkpoint_interval="50ms",
        out_of_orderness="48h",
        stop_offsets=waves.stop_offsets,
        conditions=str(tapes.CONDITIONS),
    )
    with CandleJob.submit(stack, chosen) as job:
        sent = waves.send()
        job.await_end()
    candles = defaultdict[str, list[dict[str, Any]]](list)
    with Output(stack, chosen, feed) as output:
        output.read_to_end()
        for candle in output.candles:
            candles[candle["symbol"]].append(candle)
        assert output.counts()["late or changes"] == output.counts()["rejected"] == 0
    return Answers(feed, sent, candles)


@pytest.mark.parametrize("number", range(len(KNOWN)), ids=[known.says for known in KNOWN])
def test_known_answer(answers: Answers, number: int) -> None:
    known = KNOWN[number]
    symbol = answers.feed.symbol(f"K{number}-{known.tape[0]['symbol']}")
    first = next(candle for candle in answers.candles[symbol] if candle["resolution"] == known.resolution)
    assert {name: first[name] for name in known.candle} == known.candle


def test_a_tape_in_any_order_and_any_pieces_leads_to_the_oracles_candles(answers: Answers) -> None:
    for number, tape in enumerate(TAPES):
        symbol = answers.feed.symbol(f"T{number}")
        expected = expected_candles((each.trade for each in answers.sent[symbol]), conditions=CONDITIONS)
        verdict = compare(expected.candles, answers.candles[symbol])
        assert verdict.holds, "\n".join([verdict.summary(), *map(repr, tape)])


def test_copies_change_only_the_number_of_duplicates(answers: Answers) -> None:
    for number in range(WITH_COPIES):
        symbol = answers.feed.symbol(f"C{number}")
        once = [each.trade for each in answers.sent[symbol] if not each.copy]
        without = expected_candles(once, conditions=CONDITIONS).candles
        found = {
            CandleKey(symbol, candle["resolution"], candle["window_start"]): candle["duplicate_count"]
            for candle in answers.candles[symbol]
        }
        expected = {key: candle._replace(duplicate_count=found.get(key, -1)) for key, candle in without.items()}
        verdict = compare(expected, answers.candles[symbol])
        assert verdict.holds, "\n".join([verdict.summary(), *map(repr, TAPES[number])])
        copies = sum(each.copy for each in answers.sent[symbol])
        more = sum(found[key] - candle.duplicate_count for key, candle in without.items())
        assert more == copies * len(DEFAULT)
