"""The quality job behind the candle job, as users start them: a feed with gaps, copies, poison and late trades."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from deploy.stack import Stack
from jobs.settings import Settings
from schemas import registry, topics
from schemas.codec import Encoder
from services.committed import CommittedReader
from tests.deploy.monitoring.promql import QUALITY, naming, unanswered
from tests.integration import stacks
from tests.integration.candle_job import CandleJob, wait_until
from tests.integration.test_monitoring import addresses, scrape, total
from udfs.accumulator import of_trade

pytestmark = [pytest.mark.integration, pytest.mark.thorough]

TIMEOUT_S = 90
MINUTE_NS = 60 * 10**9
FIRST = 1_700_000_040 * 10**9
"""2023-11-14T22:14:00Z."""
REFERENCE = "reference.minutes"
HEADER = "ts_event,symbol,venue,trade_id,sequence,price,size,conditions\n"
TRADES = """\
2023-11-14T22:14:01Z,ACME,V,1,101,10,1,
2023-11-14T22:14:01Z,FREE,W,1,5,1,1,
2023-11-14T22:14:02Z,ACME,V,2,102,12,1,
2023-11-14T22:14:02Z,ACME,V,2,102,12,1,
2023-11-14T22:14:02Z,FREE,W,2,900,1,1,
2023-11-14T22:14:09Z,ACME,V,7,107,11,2,
2023-11-14T22:14:10Z,ACME,V,8,108,11,0,
2023-11-14T22:14:11Z,ACME,V,9,109,11,1,XX
2023-11-14T22:15:01Z,ACME,V,10,110,11,1,
2023-11-14T22:15:02Z,FREE,W,3,2,1,1,
2023-11-14T22:20:00Z,ACME,V,11,111,11,1,
2023-11-14T22:20:00Z,FREE,W,4,4,1,1,
"""
"""ACME's 103 to 106 are missing, 2 came twice, 108 has no size. FREE's numbers are not said to be consecutive."""
LATER = """\
2023-11-14T22:14:04Z,ACME,V,4,104,11,1,
2023-11-14T22:20:30Z,ACME,V,12,112,11,1,
"""
"""104 came after all: late for its candle."""
CONDITIONS = """\
version = 1

[[sets]]
name = "v"
venues = ["V"]

[[sets.rules]]
conditions = ["@"]
"""


@dataclass
class Watched:
    """What has been committed so far."""

    reader: CommittedReader
    minutes: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)

    def follow_until(self, seen: Callable[[], bool], what: str) -> None:
        """Read on until the condition holds."""

        def look() -> bool:
            found = self.reader.poll(0.1)
            if found and found.topic == topics.EVENTS:
                self.events.append(found.record)
            elif found:
                record = found.record
                key = record["symbol"], (record["window_start"] - FIRST) // MINUTE_NS
                assert record["revision"] == (self.minutes[key]["revision"] + 1 if key in self.minutes else 0)
                self.minutes[key] = record
            return seen()

        wait_until(look, what, TIMEOUT_S)

    def minute(self, symbol: str, number: int) -> dict[str, Any]:
        """The last known of a minute, empty when nothing is."""
        return self.minutes.get((symbol, number), {})


@dataclass(frozen=True)
class Running:
    """Both jobs on a stack of their own."""

    folder: Path
    stack: Stack
    watched: Watched

    def replay(self, name: str, rows: str) -> None:
        """Send trades."""
        file = self.folder / name
        file.write_text(HEADER + rows)
        stacks.tickloom(self.folder, "replay", str(file), "--speed=max")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("quality")
    try:
        stack = stacks.up(folder)
        admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers})
        admin.create_topics([NewTopic(REFERENCE, 1, 1)])[REFERENCE].result(30)
        addresses = {"brokers": stack.bootstrap_servers, "registry": stack.registry_url}
        registry.register(stack.registry_client(), Settings().resolutions)
        CandleJob.submit(stack, Settings.load({**addresses, "partitions": 1}))
        (folder / "conditions.toml").write_text(CONDITIONS)
        judged = {"numbered": "V*", "reference_topic": REFERENCE, "conditions": str(folder / "conditions.toml")}
        CandleJob.submit(stack, Settings.load({**addresses, **judged}), file="jobs/quality.py", restart=True)
        read = {topics.QUALITY: "quality", topics.EVENTS: "quality_event"}
        with CommittedReader(stack.kafka_client(), stack.registry_client(), read) as reader:
            found = Running(folder, stack, Watched(reader))
            found.replay("trades.csv", TRADES)
            yield found
    finally:
        stacks.down(folder)


def shown(record: dict[str, Any], *names: str) -> list[Any]:
    """Some fields of a record."""
    return [record.get(name) for name in names]


def test_missing_numbers_are_an_event_with_their_range_and_times(running: Running) -> None:
    watched = running.watched
    watched.follow_until(lambda: any(each["kind"] == "gap" for each in watched.events), "the gap")
    (gap,) = [event for event in watched.events if event["kind"] == "gap"]
    assert shown(gap, "symbol", "venue", "first_sequence", "last_sequence") == ["ACME", "V", 103, 106]
    assert shown(gap, "ts_event", "ts_until") == [FIRST + 2 * 10**9, FIRST + 9 * 10**9]


def test_a_minute_is_judged_by_what_came_what_is_missing_and_what_was_wrong(running: Running) -> None:
    watched = running.watched
    watched.follow_until(lambda: watched.minute("ACME", 0).get("missing") == 4, "the first minute with its gap")
    record = watched.minute("ACME", 0)
    assert shown(record, "trades", "duplicates", "rejected", "late", "missing") == [4, 1, 1, 0, 4]
    assert record["completeness"] == 5 / 9
    assert record["uniqueness"] == 4 / 5
    assert record["validity"] == 5 / 6
    assert shown(record, "consistency", "timeliness", "accuracy") == [1, None, None]
    assert record["score"] == 5 / 9


def test_where_the_numbers_are_not_consecutive_nothing_is_missing(running: Running) -> None:
    watched = running.watched
    watched.follow_until(lambda: bool(watched.minute("FREE", 0)), "the first minute of FREE")
    assert shown(watched.minute("FREE", 0), "trades", "missing", "completeness", "score") == [2, None, None, 1]


def test_a_condition_that_the_rules_of_the_venue_do_not_name_is_an_event(running: Running) -> None:
    watched = running.watched
    watched.follow_until(lambda: any(each["condition"] for each in watched.events), "the unknown condition")
    (unknown,) = [event for event in watched.events if event["kind"] == "unknown_condition"]
    assert shown(unknown, "symbol", "venue", "condition", "ts_event") == ["ACME", "V", "XX", FIRST + 11 * 10**9]


def test_what_comes_after_all_fills_the_gap_and_is_late(running: Running) -> None:
    watched = running.watched
    running.replay("later.csv", LATER)
    watched.follow_until(lambda: watched.minute("ACME", 0).get("late") == 1, "the late trade")
    watched.follow_until(lambda: watched.minute("ACME", 0).get("missing") == 3, "the filled gap")
    (filled,) = [event for event in watched.events if event["kind"] == "gap_filled"]
    assert shown(filled, "first_sequence", "last_sequence") == [104, 104]
    assert watched.minute("ACME", 0)["completeness"] == 6 / 9


def test_a_candle_that_differs_from_the_reference_is_inaccurate_and_says_in_what(running: Running) -> None:
    stack, watched = running.stack, running.watched
    identity = registry.register(stack.registry_client(), ["1m"])[topics.subject(topics.candles("1m"))]
    theirs = of_trade(FIRST + MINUTE_NS, 11 * 10**12, 3 * 10**12, (0, 0))
    window = FIRST + MINUTE_NS, FIRST + 2 * MINUTE_NS
    record = theirs.candle("ACME", "1m", window, 0, None) | {"accumulator": None, "close": Decimal("11.5")}
    producer = Producer({"bootstrap.servers": stack.bootstrap_servers})
    producer.produce(REFERENCE, Encoder(identity, "candle").encode(record), b"ACME")
    assert producer.flush(30) == 0
    watched.follow_until(lambda: watched.minute("ACME", 1).get("accuracy") is not None, "the comparison")
    assert watched.minute("ACME", 1)["accuracy"] == 3 / 5
    assert watched.minute("ACME", 1)["finding"] == "close 11, reference 11.5; volume 1, reference 3"


def test_the_report_says_the_same(running: Running) -> None:
    told = json.loads(stacks.tickloom(running.folder, "quality", "report", "--json").stdout)
    acme = next(each for each in told["symbols"] if each["symbol"] == "ACME")
    assert shown(acme, "duplicates", "rejected", "late", "missing") == [1, 1, 1, 3]
    (gap,) = told["gaps"]
    assert shown(gap, "symbol", "venue", "first_sequence", "last_sequence") == ["ACME", "V", 103, 106]
    assert told["events"] == {"unknown_condition": 1}


def test_the_verdicts_are_metrics_that_alerts_and_dashboards_ask_for(running: Running) -> None:
    asked = naming(QUALITY)
    assert len(asked) == 3

    def told() -> bool:
        metrics = [metric for address in addresses(running.stack) for metric in scrape(address)]
        judged, poor, score = (total(metrics, f"flink_taskmanager_job_task_operator_{name}") for name in QUALITY)
        return judged >= 3 and poor >= 1 and 0 < score < 10_000 * judged and not unanswered(asked, metrics)

    wait_until(told, "the metrics", TIMEOUT_S)
