"""The lake holds what is committed on Kafka, each record once, whoever reads it and whatever happens meanwhile."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from deploy import downloads
from deploy import lake as upkeep
from deploy.stack import Stack
from jobs.continuity import Continuity
from schemas import topics
from schemas.lake import CANDLES, REJECTED, TRADES, LakeError, connect
from services import dataset
from services.candle_json import KEPT
from services.committed import CommittedReader
from services.dataset import Query
from services.oracle import SECOND_NS, CandleKey
from services.projections.agreement import differences
from services.projections.lake import load
from services.projections.store import highest
from tests.integration.books import Books
from tests.integration.candle_job import START_NS, CandleJob, Feed, wait_until
from tests.integration.candle_output import Output
from tests.integration.lakes import Lake
from tests.services.tape import trade

pytestmark = pytest.mark.integration

DAY_NS = 86_400 * SECOND_NS
TARGET = 10_000_000


@pytest.fixture
def lake(stack: Stack, url: str, tmp_path: Path) -> Lake:
    downloads.fetch(["lake"])
    return Lake(stack, tmp_path / "lake", url, Feed(stack))


def send(lake: Lake, trades: int) -> None:
    """Trades of three symbols and two days, with every kind of field set and unset."""
    dice = random.Random(trades)
    for number in range(len(lake.sent), len(lake.sent) + trades):
        told: Any = {} if number % 3 else {"venue": "X", "trade_id": f"é{number}", "conditions": ["@", "I"]}
        size = str(Decimal(dice.randint(1, 10**30 - 1)).scaleb(-12))
        symbol = lake.feed.symbol("ABC"[number % 3])
        ts_event = START_NS + number % 2 * DAY_NS + number
        lake.send(number % 2, trade(ts_event, "1.000000000001", size, symbol=symbol, **told))
    lake.feed.flush()


@contextmanager
def sending(lake: Lake) -> Iterator[None]:
    """Some 200 trades a second meanwhile."""
    stopped = threading.Event()

    def run() -> None:
        while not stopped.wait(0.05):
            send(lake, 10)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def test_valid_trades_are_rows_to_the_digit_in_the_partition_of_their_day(lake: Lake) -> None:
    lake.feed.send(0, trade(START_NS, symbol=lake.feed.symbol("A"), size="0"))
    lake.feed.send_bytes(1, b"no trade")
    send(lake, 50)
    with lake.submit():
        lake.await_trades()
        lake.check_trades()
    days = {task.file.partition[0] for task in lake.table().scan().plan_files()}
    assert days == {START_NS // DAY_NS, START_NS // DAY_NS + 1}


@pytest.mark.thorough
def test_candles_with_every_revision_and_rejected_trades_are_rows_too(lake: Lake) -> None:
    feed = lake.feed
    for second in range(120):
        lake.send(0, trade(START_NS + second * SECOND_NS, symbol=feed.symbol("A")))
    feed.send(1, trade(START_NS, symbol=feed.symbol("A"), size="0"))
    feed.flush()
    chosen = lake.chosen.model_copy(update={"stop_offsets": feed.stop_offsets, "jars": ()})
    with CandleJob.submit(lake.stack, chosen) as job:
        job.await_end()
    with Output(lake.stack, chosen, feed) as output:
        Books(feed, chosen, lake.stack, output).publish("A", "1m", START_NS, revision=1)
        output.read_to_end()

        def written() -> bool:
            of_feed = {row["symbol"] for row in lake.by_pyiceberg(REJECTED)}
            return feed.symbol("A") in of_feed and len(candles(lake.by_pyiceberg(CANDLES))) >= len(output.candles)

        def candles(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
            return [{name: row[name] for name in KEPT} for row in rows if row["symbol"] == feed.symbol("A")]

        with lake.submit():
            wait_until(written, "candles and rejected trades")
        expected = sorted(({name: each[name] for name in KEPT} for each in output.candles), key=str)
        assert len(expected) > 120
        assert sorted(candles(lake.by_pyiceberg(CANDLES)), key=str) == expected
        assert sorted(candles(lake.by_duckdb(CANDLES)), key=str) == expected
        (kept,) = (row for row in lake.by_pyiceberg(REJECTED) if row["symbol"] == feed.symbol("A"))
        assert {name: kept[name] for name in REJECTED.fields} == output.rejected[0]
    # Others' candles are in the topics too, and some of them say two things of one window on purpose.
    committed = {CandleKey.of(each): each for each in highest(placed(lake)) if each["symbol"] == feed.symbol("A")}
    found = differences(committed, load(connect(*lake.chosen.lake_place())))
    assert [each for each in found if each.key.symbol == feed.symbol("A")] == []
    assert committed


def placed(lake: Lake) -> Iterator[dict[str, Any]]:
    """Every committed candle, with its place."""
    wanted = {topics.candles(resolution): "candle" for resolution in lake.chosen.resolutions}
    with CommittedReader(lake.stack.kafka_client(), lake.stack.registry_client(), wanted) as reader:
        for each in reader.read_to_end(60):
            yield each.placed()


@pytest.mark.thorough
def test_a_killed_taskmanager_costs_no_trade_and_doubles_none(lake: Lake) -> None:
    with lake.submit() as job:
        with sending(lake):
            for wait_s in (1, 1.7, 2.3):
                wait_until(lambda: lake.count() > 0, "a commit")
                time.sleep(wait_s)
                kill(lake, job)
        lake.await_trades()
        lake.check_trades()


@pytest.mark.thorough
def test_compaction_and_expiry_beside_the_job_keep_every_trade_also_when_it_starts_again(lake: Lake) -> None:
    with lake.submit() as job:
        with sending(lake):
            wait_until(lambda: len(files(lake)) > 40, "many small files")
            expired = 0  # in a round that follows the last one closely there may be none
            for _ in range(4):
                done = upkeep.compact(lake.chosen, TRADES, TARGET)
                assert done.replaced > done.written > 0
                expired += upkeep.expire(lake.chosen, TRADES, time.time_ns() // 1_000_000).expired
                kill(lake, job)
        assert expired > 0
        lake.await_trades()
        lake.check_trades()
        upkeep.compact(lake.chosen, TRADES, TARGET)
        upkeep.expire(lake.chosen, TRADES, time.time_ns() // 1_000_000)
        assert len(files(lake)) <= 12
        lake.check_trades()


@pytest.mark.thorough
def test_the_latest_snapshot_of_the_job_outlives_what_came_after_it(lake: Lake) -> None:
    """A job that has nothing to write commits seldom, so the snapshot it must find again may be the oldest."""
    send(lake, 10)
    with lake.submit() as job:
        lake.await_trades()
        job.checkpoint()
        send(lake, 10)
        lake.await_trades()
        upkeep.compact(lake.chosen, TRADES, TARGET)
        assert upkeep.expire(lake.chosen, TRADES, time.time_ns() // 1_000_000).expired > 0
        commits = {each.table for each in Continuity(connect(*lake.chosen.lake_place())).commits()}
        assert TRADES.identifier in commits, "the job would not find what it has committed"
        kill(lake, job)
        job.checkpoint()
        lake.check_trades()


@pytest.mark.thorough
def test_only_a_savepoint_that_knows_of_every_commit_is_gone_on_from(lake: Lake) -> None:
    send(lake, 10)
    with lake.submit() as job:
        lake.await_trades()
        old = job.savepoint()
        send(lake, 10)
        lake.await_trades()
        late = job.stop()
    for wrong, reason in ((old, "name a later savepoint"), (None, "would hold it twice")):
        with pytest.raises(AssertionError, match=reason):
            lake.submit(wrong)
    send(lake, 10)
    with lake.submit(late):
        lake.await_trades()
        lake.check_trades()


@pytest.mark.thorough
def test_a_data_set_is_what_was_known_then_byte_for_byte_until_it_is_expired(lake: Lake, tmp_path: Path) -> None:
    feed, symbol = lake.feed, lake.feed.symbol("A")
    with Output(lake.stack, lake.chosen, feed) as output, lake.submit() as job:
        books = Books(feed, lake.chosen, lake.stack, output)

        def publish(*starts: int, **changed: Any) -> None:
            before = mine(lake, symbol)
            for start in starts:
                books.publish("A", "1m", START_NS + start * 60 * SECOND_NS, **changed)
            wait_until(lambda: mine(lake, symbol) == before + len(starts), "the candles in the lake")

        publish(0, 1, 2)
        publish(1, revision=1, close=Decimal("2.5"))
        as_of = time.time_ns()
        query = Query(as_of, (symbol,), "1m", ("close", "revision"))
        publish(0, 3, revision=2, close=Decimal(9))
        time.sleep(dataset.SETTLED_NS / 1e9)
        first = exported(lake, query, tmp_path / "first")
        publish(1, revision=2, close=Decimal(7))
        upkeep.compact(lake.chosen, CANDLES, TARGET)
        assert exported(lake, query, tmp_path / "again") == first
        (rows,) = (pq.read_table(file).to_pylist() for file in (tmp_path / "first").glob("*.parquet"))
        assert [(row["close"], row["revision"]) for row in rows] == [
            (Decimal(1), 0),
            (Decimal("2.5"), 1),
            (Decimal(1), 0),
        ]
        upkeep.expire(lake.chosen, CANDLES, time.time_ns() // 1_000_000)
        with pytest.raises(LakeError, match="has been expired"):
            exported(lake, query, tmp_path / "expired")
        job.check()


def kill(lake: Lake, job: CandleJob) -> None:
    """SIGKILL to the TaskManager, and wait until the job has started again."""

    def restarted() -> int:
        return int(job.get()["timestamps"]["RESTARTING"])

    before = restarted()
    lake.kill_taskmanager()
    wait_until(lambda: restarted() > before, "a restart")
    job.await_running()


def exported(lake: Lake, query: Query, folder: Path) -> dict[str, bytes]:
    """The files of a data set."""
    dataset.export(connect(*lake.chosen.lake_place()), query, folder)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def mine(lake: Lake, symbol: str) -> int:
    """How many candles of a symbol there are."""
    return sum(row["symbol"] == symbol for row in lake.by_pyiceberg(CANDLES))


def files(lake: Lake) -> list[str]:
    """The data files of the trades."""
    return [task.file.file_path for task in lake.table().scan().plan_files()]
