"""`tickloom dlq` as users type it, on the dead letters of a running candle job."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from deploy.stack import Stack
from services.oracle import SECOND_NS
from tests.integration import stacks
from tests.integration.candle_job import START_NS, CandleJob, Feed, settings
from tests.integration.candle_output import Output
from tests.integration.test_replay import register
from tests.services.tape import trade
from udfs import rules

pytestmark = pytest.mark.integration

ODD_LOT = """
[[rules]]
name = "odd-lot"
kind = "range"
field = "size"
at_least = "100"
severity = "flag"
"""
SPREADS = """
[[rules]]
name = "price"
kind = "range"
field = "price"
symbols = ["*SPREAD"]
severity = "off"
"""


@dataclass(frozen=True)
class Ran:
    """A running job that has reported four of the five messages of partition 0."""

    stack: Stack
    feed: Feed
    output: Output
    folder: Path
    tickloom: Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="module")
def ran(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    folder = tmp_path_factory.mktemp("dlq")
    (folder / "rules.toml").write_text(rules.DEFAULTS.read_text() + ODD_LOT)
    (folder / "spreads.toml").write_text(rules.DEFAULTS.read_text() + ODD_LOT + SPREADS)
    feed = Feed(stack, partitions=1)
    register(stack, feed.topic)

    def tickloom(*arguments: str, **environment: str) -> CompletedProcess[str]:
        where = ("--brokers", stack.bootstrap_servers, "--registry", stack.registry_url, "--topic", feed.topic)
        return stacks.tickloom(folder, "dlq", *arguments, *where, check=False, **environment)

    chosen = settings(stack, feed, rules=str(folder / "rules.toml"), resolutions="1s", out_of_orderness="1h")
    with CandleJob.submit(stack, chosen), Output(stack, chosen, feed) as output:
        feed.send(0, trade(START_NS, "10", "100", symbol=feed.symbol("GOOD")))
        feed.send(0, trade(START_NS + 1, "10", "99", symbol=feed.symbol("ODD")))
        feed.send(0, trade(START_NS + 2, "10", "0", symbol=feed.symbol("EMPTY")))
        feed.send(0, trade(START_NS + 3, "-10", "100", symbol=feed.symbol("SPREAD")))
        feed.send_bytes(0, b"{\x1b[2J}", START_NS // 10**6)
        feed.flush()
        output.follow_until(lambda: len(output.rejected) == 4, "4 dead letters")
        yield Ran(stack, feed, output, folder, tickloom)


def test_list_counts_by_rule_severity_and_symbol(ran: Ran) -> None:
    found = json.loads(ran.tickloom("list", "--json").stdout)
    time = "2023-11-14T22:13:20.000000Z"
    assert [(each["rule"], each["severity"], each["symbol"], each["count"]) for each in found] == [
        ("magic", "reject", None, 1),
        ("odd-lot", "flag", ran.feed.symbol("ODD"), 1),
        ("price", "reject", ran.feed.symbol("SPREAD"), 1),
        ("size", "reject", ran.feed.symbol("EMPTY"), 1),
    ]
    assert {(each["first"], each["last"]) for each in found} == {(time, time)}
    header, row = ran.tickloom("list", "--rule", "size").stdout.splitlines()
    assert header.split() == ["rule", "severity", "symbol", "count", "replayed", "first", "last", "latest"]
    assert row.split() == ["size", "reject", ran.feed.symbol("EMPTY"), "1", time[:19] + "Z", time[:19] + "Z", "0:2"]
    assert ran.tickloom("list", "--since", "2023-11-14T22:13:21Z").stdout == f"no dead letters of {ran.feed.topic}\n"


def test_show_says_why_and_what_is_in_it(ran: Ran) -> None:
    lines = dict(line.split(maxsplit=1) for line in ran.tickloom("show", "0:2").stdout.splitlines())
    assert lines["origin"] == f"{ran.feed.topic} 0:2"
    assert lines["rule"] == "size (reject)"
    assert lines["reason"] == "size: must be above 0, was 0.000000000000"
    assert lines["now"] == "rejected: size: must be above 0, was 0.000000000000"
    assert (lines["symbol"], lines["price"]) == (ran.feed.symbol("EMPTY"), "10.000000000000")
    assert lines["ts_event"] == f"{START_NS + 2}  2023-11-14T22:13:20.000000Z"


def test_show_gives_bytes_that_are_no_record_and_no_control_characters(ran: Ran) -> None:
    shown = ran.tickloom("show", "0:4").stdout
    assert "the first byte is 123, Confluent framing starts with 0" in shown
    assert "7b 1b 5b 32 4a 7d" in shown
    assert "{.[2J}" in shown
    assert "\x1b" not in shown


def test_show_of_a_good_trade_says_that_it_is_no_dead_letter(ran: Ran) -> None:
    refused = ran.tickloom("show", "0:0")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.endswith(f"{ran.feed.topic} 0:0 is no dead letter: `tickloom dlq list` shows origins\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--set", "colour=red"), "--set colour: a trade has no such field; it has symbol, venue, "),
        (("--set", "size=1.5e-13"), "--set size: 1.5e-13 does not fit decimal(38, 12) exactly"),
        (("--since", "yesterday"), "'yesterday' is not ISO-8601"),
    ],
)
def test_what_cannot_be_meant_is_refused(ran: Ran, arguments: tuple[str, ...], message: str) -> None:
    refused = ran.tickloom("replay", *arguments)
    assert refused.returncode != 0
    assert message in refused.stderr


def test_replay_sends_each_once_and_the_job_counts_it(ran: Ran) -> None:
    nothing = ran.tickloom("replay", "--dry-run")
    assert "would send 0" in nothing.stdout
    assert "0 were sent before, 3 still fail and are left" in nothing.stdout
    assert "left 0:2: size: must be above 0, was 0.000000000000" in nothing.stderr

    mended = ("replay", "--rule", "size", "--set", "size=200")
    assert "would send 1" in ran.tickloom(*mended, "--dry-run").stdout
    assert f"sent 1 to {ran.feed.topic}; 0 were sent before, 0 still fail" in ran.tickloom(*mended).stdout
    assert f"sent 0 to {ran.feed.topic}; 1 were sent before, 0 still fail" in ran.tickloom(*mended).stdout
    assert "with size=200.000000000000" in ran.tickloom("show", "0:2").stdout
    (group,) = json.loads(ran.tickloom("list", "--json", "--rule", "size").stdout)
    assert (group["count"], group["replayed"]) == (1, 1)

    spreads = ran.tickloom("replay", TICKLOOM_RULES=str(ran.folder / "spreads.toml"))
    assert f"sent 1 to {ran.feed.topic}; 1 were sent before, 1 still fail" in spreads.stdout

    # the job still has the old rules: it rejects the spread again, as a record of its own
    ran.output.follow_until(lambda: len(ran.output.rejected) == 5, "the spread that was sent again")
    ran.feed.send(0, trade(START_NS + 7_200 * SECOND_NS, "1", "100", symbol=ran.feed.symbol("LAST")))
    ran.feed.flush()
    ran.output.follow_until(lambda: sum(ran.output.counts().values()) == 7, "7 trades")
    assert ran.output.counts() == {"in candles": 3, "duplicates": 0, "late or changes": 0, "rejected": 4}
    volumes = {candle["symbol"]: candle["volume"] for candle in ran.output.candles}
    assert volumes[ran.feed.symbol("EMPTY")] == Decimal(200)
