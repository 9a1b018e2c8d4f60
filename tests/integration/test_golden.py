"""Jobs go on from the savepoints that earlier releases have left."""

from pathlib import Path
from typing import Any

import pytest

from deploy.stack import Stack
from jobs.kafka import bar_sinks
from schemas.topics import bars
from services.committed import CommittedReader
from services.oracle import SECOND_NS, expected_candles
from tests.integration import golden
from tests.integration.candle_job import START_NS, TIMEOUT_S, CandleJob, wait_until
from tests.integration.candle_output import Output
from tests.services.tape import trade

pytestmark = pytest.mark.integration

END = 200
"""Second of the tape at which every job here is done."""


def releases(job: str) -> list[Any]:
    return [pytest.param(path, id=path.name) for path in sorted(golden.FOLDER.glob(f"{job}-*"))]


def test_every_job_has_a_savepoint_of_a_release() -> None:
    assert all(releases(job) for job in golden.JOBS)


@pytest.mark.parametrize("savepoint", releases("candles"))
def test_candles_go_on_with_what_an_earlier_release_had_seen(stack: Stack, savepoint: Path) -> None:
    feed = golden.fed(stack, "candles")
    chosen = golden.chosen(stack, feed)
    sent = golden.send(feed, range(golden.STOPPED + 1))
    copy = sent[-1]
    feed.send(1, copy)
    feed.send(0, trade(START_NS, symbol=feed.symbol("A"), venue="X", trade_id="late"))
    sent += [copy, *golden.send(feed, range(golden.STOPPED + 1, END))]
    with CandleJob.submit(stack, chosen, savepoint=savepoint.as_uri()), Output(stack, chosen, feed) as output:
        expected = {
            key: candle
            for key, candle in expected_candles(sent, chosen.resolutions).candles.items()
            if golden.CLOSED_NS < candle.window_end <= START_NS + (END - 2) * SECOND_NS
        }
        output.follow_until(lambda: expected.keys() <= output.keys and bool(output.late), f"{len(expected)} candles")
        verdict = output.verdict(expected)
    assert verdict.holds, verdict.summary()
    assert [(row["trade_id"], row["reason"]) for row in output.late] == [("late", "late")]


@pytest.mark.parametrize("savepoint", releases("bars"))
def test_bars_go_on_with_what_an_earlier_release_had_seen(stack: Stack, savepoint: Path) -> None:
    feed = golden.fed(stack, "bars")
    chosen = golden.chosen(stack, feed)
    golden.send(feed, range(END))
    schemas = {topic: schema for _, topic, schema in bar_sinks(chosen)}
    found: list[tuple[int, int, int]] = []
    with (
        CandleJob.submit(stack, chosen, savepoint=savepoint.as_uri(), file="jobs/bars.py"),
        CommittedReader(stack.kafka_client(), stack.registry_client(), schemas) as reader,
    ):

        def sampled() -> bool:
            for each in reader.read_to_end(TIMEOUT_S):
                if each.topic == bars("tick") and each.record["symbol"] == feed.symbol("A"):
                    record = each.record
                    second = (record["first_ts_event"] - START_NS) // SECOND_NS
                    found.append((record["number"], second, record["trade_count"]))
            return len(found) >= 3

        wait_until(sampled, "three bars")
    assert found == [(3, 90, 30), (4, 120, 30), (5, 150, 30)]
