"""The rules in the real topology: the same table as in Python, drawn trades, and bands across a restart."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from deploy.stack import Stack
from schemas.models import Trade
from services.oracle import SECOND_NS
from tests.integration.candle_job import START_NS, CandleJob, Feed, settings
from tests.integration.candle_output import Output
from tests.services.tape import trade
from tests.udfs.rule_cases import AT, CASES, REJECT, rules_text
from udfs import rules
from udfs.validation import judge

pytestmark = pytest.mark.integration

Place = tuple[int, int]
DRAWN = 600


@dataclass
class Ran:
    """What was sent by place, what the job reported by place, and its output."""

    names: dict[Place, str]
    expected: dict[Place, tuple[str, str]]
    output: Output
    reported: dict[Place, tuple[str, str]] = field(default_factory=dict)


def draw(dice: random.Random, prefix: str) -> Trade:
    """A trade near the edges of the rules."""
    symbols = ["A", "B", "SPREAD-1", "SPREAD-BOUNDED", "X-OIL-M", "LOT", "LATER", "NEEDS-VENUE", "NEEDS-ID"]
    unit = Decimal("0.000000000001")
    return Trade(
        symbol=prefix + dice.choice(symbols),
        ts_event=AT + dice.randrange(SECOND_NS),
        price=dice.choice([Decimal(0), Decimal(1), Decimal("1.5"), Decimal(10**6), -Decimal(1)])
        + dice.choice([Decimal(0), unit]),
        size=dice.choice([Decimal(1), Decimal(100), Decimal("10000.5"), unit]) - dice.choice([Decimal(0), unit]),
        venue=dice.choice([None, "XNAS", "Börse", "X"]),
        trade_id=dice.choice([None, str(dice.getrandbits(60))]),
        ts_recv=dice.choice([None, AT, AT - SECOND_NS, AT + 60 * SECOND_NS]),
        conditions=tuple(dice.choice([[], ["@"], ["@", "T"]])),
    )


@pytest.fixture(scope="module")
def ran(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    feed = Feed(stack)
    file = tmp_path_factory.mktemp("rules") / "rules.toml"
    file.write_text(rules_text(feed.symbol("")))
    strict = rules.load(file)
    names: dict[Place, str] = {}
    expected: dict[Place, tuple[str, str]] = {}

    def send(says: str, made: Trade, ts_kafka: int) -> Place:
        offset, partition = feed.send_bytes(len(names) % 2, feed.encoder.encode(made.to_avro()), ts_kafka // 10**6)
        names[partition, offset] = says
        return partition, offset

    for case in CASES:
        place = send(case.says, case.trade(feed.symbol("")), case.ts_kafka)
        if case.expected:
            expected[place] = case.expected
    dice = random.Random(8)
    for _ in range(DRAWN):
        made = draw(dice, feed.symbol(""))
        found = judge(strict, made, AT)
        place = send(repr(made), made, AT)
        if found:
            expected[place] = (found.rule, found.severity)
    feed.flush()
    chosen = settings(stack, feed, rules=str(file), stop_offsets=feed.stop_offsets, resolutions="1s")
    with CandleJob.submit(stack, chosen) as job, Output(stack, chosen, feed) as output:
        job.await_end()
        output.read_to_end()
        reported = {
            (record["partition"], record["offset"]): (record["rule"], record["severity"]) for record in output.rejected
        }
        yield Ran(names, expected, output, reported)


def test_the_jvm_core_reports_what_the_table_and_python_report(ran: Ran) -> None:
    assert len(ran.expected) > DRAWN / 4
    wrong = {
        ran.names[place]: (ran.expected.get(place), ran.reported.get(place))
        for place in ran.names
        if ran.expected.get(place) != ran.reported.get(place)
    }
    assert wrong == {}, "says: (expected, reported)"
    assert len(ran.output.rejected) == len(ran.expected)


def test_a_flagged_trade_counts_and_a_rejected_one_does_not(ran: Ran) -> None:
    counts = ran.output.counts()
    rejected = sum(severity == REJECT for _, severity in ran.expected.values())
    assert (counts["rejected"], sum(counts.values())) == (rejected, len(ran.names))
    assert 0 < rejected < len(ran.expected)


def test_a_report_names_the_symbol_when_it_could_be_read(ran: Ran) -> None:
    symbols = {ran.names[record["partition"], record["offset"]]: record["symbol"] for record in ran.output.rejected}
    assert symbols["price 0"].endswith("-A")
    assert symbols["two flags: the first is named"].endswith("-A")
    assert symbols["no symbol"] is None
    assert symbols["a symbol too long"] is None


BANDS = """
version = 1
[[rules]]
name = "band"
kind = "band"
percent_max = "10"
reset_after_ms = 60_000
reset_after_trades = 3
severity = "reject"
[[rules]]
name = "band"
kind = "band"
symbols = ["*WIDE"]
percent_max = "0.0001"
reset_after_ms = 60_000
reset_after_trades = 1
severity = "flag"
[[rules]]
name = "band"
kind = "band"
symbols = ["*FREE"]
percent_max = "10"
reset_after_ms = 60_000
reset_after_trades = 3
severity = "off"
"""


@dataclass(frozen=True)
class Tape:
    """Prices of one symbol, a second apart unless a time is given; those after the restart; and who is reported."""

    says: str
    before: list[str | tuple[str, int]]
    after: list[str | tuple[str, int]]
    reported: list[int]
    symbol: str = "A"


TAPES = (
    Tape("a price exactly at the edge is good", ["100", "110", "99", "89.1"], [], []),
    Tape("a unit beyond the edge is not", ["100", "110.000000000001", "90", "80.999999999999"], [], [1, 3]),
    Tape("a good price moves the band", ["100", "105", "115", "125", "120.5"], [], []),
    Tape("a jump recovers after three in a row", ["100", "200", "201", "202", "203", "100"], [], [1, 2, 3, 5]),
    Tape("one good price between begins the row anew", ["100", "200", "200", "100", "200", "200", "200", "200"], [],
         [1, 2, 4, 5, 6]),
    Tape("an old price is forgotten", ["100", ("200", 62)], [], []),
    Tape("a price that is not too old is not forgotten", ["100", ("200", 60)], [], [1]),
    Tape("a late price is judged and does not move the band", [("100", 30), ("105", 10), ("115", 31), ("200", 11)], [],
         [2, 3]),
    Tape("the good price survives a restart", ["100"], ["200"], [1]),
    Tape("a row goes on after a restart", ["100", "200", "201"], ["202", "203"], [1, 2, 3]),
    Tape("what was reported before a restart is no good price", ["100", "200"], ["200", "101"], [1, 2]),
    Tape("prices of 38 digits", ["50000000000000000000000000", "99999999999999999999999999.999999999999"], [], [1]),
    Tape("prices beyond 63 bits", ["9223372.036854775807", "10145709.240540253387", "10145709.240540253388"], [], []),
    Tape("and a unit beyond the edge", ["9223372.036854775807", "10145709.240540253388"], [], [1]),
    Tape("a band of one millionth", ["1000000", "1000001", "1000002.000001", "999990"], [], [3], "WIDE"),
    Tape("a symbol without a band", ["1", "1000"], ["1", "1000000"], [], "FREE"),
)  # fmt: skip


@pytest.mark.thorough
def test_a_price_band_knows_the_last_good_price_also_after_a_restart(stack: Stack, tmp_path: Path) -> None:
    feed = Feed(stack)
    (tmp_path / "bands.toml").write_text(BANDS)
    places: dict[tuple[int, int], Place] = {}

    def send(after: bool) -> None:
        for number, tape in enumerate(TAPES):
            done = len(tape.before) if after else 0
            for index, each in enumerate(tape.after if after else tape.before, done):
                price, second = each if isinstance(each, tuple) else (each, index)
                symbol = feed.symbol(f"{number}{tape.symbol}")
                place = feed.send(number % 2, trade(START_NS + second * SECOND_NS, price, symbol=symbol))
                places[number, index] = place[1], place[0]
        feed.flush()

    changed: dict[str, Any] = {"rules": str(tmp_path / "bands.toml"), "out_of_orderness": "1h", "resolutions": "1s"}
    with CandleJob.submit(stack, settings(stack, feed, parallelism=1, **changed)) as job:
        send(after=False)
        job.await_read(len(places))
        savepoint = job.stop()
    chosen = settings(stack, feed, parallelism=2, **changed)
    with CandleJob.submit(stack, chosen, savepoint=savepoint) as job, Output(stack, chosen, feed) as output:
        before = len(places)
        send(after=True)
        job.await_read(len(places) - before)
        job.stop()
        output.read_to_end()
    found = {(record["partition"], record["offset"]): record for record in output.rejected}
    reported = {
        tape.says: [index for (of, index), place in sorted(places.items()) if of == number and place in found]
        for number, tape in enumerate(TAPES)
    }
    assert reported == {tape.says: tape.reported for tape in TAPES}
    assert {record["rule"] for record in found.values()} == {"band"}
    assert {record["severity"] for record in found.values() if record["symbol"].endswith("WIDE")} == {"flag"}
    reason = found[places[1, 1]]["reason"]
    assert reason == "price: 110.000000000001 is too far from the last good price 100.000000000000"
