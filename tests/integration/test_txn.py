"""`tickloom txn` as users type it, on transactions that clients and a killed job have left open."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition

from deploy.stack import Stack, ports
from deploy.stack.health import all_healthy
from deploy.txn import resolve
from deploy.txn.admin import TransactionAdmin
from deploy.txn.transactions import open_transactions
from jobs.settings import Settings
from services.oracle import SECOND_NS
from tests.integration import stacks
from tests.integration.candle_job import START_NS, CandleJob, Feed, settings, wait_until
from tests.integration.candle_output import Output
from tests.integration.test_replay import create_topic
from tests.services.tape import trade

pytestmark = pytest.mark.integration

Tickloom = Callable[..., CompletedProcess[str]]
RESTART_TIMEOUT_S = 90


@pytest.fixture
def tickloom(stack: Stack) -> Tickloom:
    return lambda *arguments: stacks.tickloom(stack.folder, "txn", *arguments, check=False)


def write(stack: Stack, topic: str, *values: str) -> None:
    producer = Producer({"bootstrap.servers": stack.bootstrap_servers})
    for value in values:
        producer.produce(topic, value, partition=0)
    assert producer.flush(30) == 0


def leave_open(stack: Stack, transactional_id: str, topic: str, *values: str) -> None:
    """Write records in a transaction, and go without an end to it."""
    options = {"transactional.id": transactional_id, "transaction.timeout.ms": 600_000}
    producer = Producer({"bootstrap.servers": stack.bootstrap_servers, **options})
    producer.init_transactions(30)
    producer.begin_transaction()
    for value in values:
        producer.produce(topic, value, partition=0)
    assert producer.flush(30) == 0


def committed(stack: Stack, topic: str) -> list[str]:
    """What a reader of committed records gets of partition 0."""
    options = {"isolation.level": "read_committed", "enable.partition.eof": True, "group.id": uuid4().hex}
    consumer = Consumer({"bootstrap.servers": stack.bootstrap_servers, **options})
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    found: list[str] = []
    try:
        while (message := consumer.poll(20)) is not None:
            if message.error():
                assert message.error().code() == KafkaError._PARTITION_EOF
                return found
            found.append(message.value().decode())
    finally:
        consumer.close()
    raise AssertionError(f"{topic} has no end")


def listed(tickloom: Tickloom, prefix: str, *options: str) -> dict[str, dict[str, Any]]:
    """The open transactions whose id begins so."""
    told = tickloom("list", "--json", *options)
    assert told.returncode == 0, told.stderr
    return {each["id"]: each for each in json.loads(told.stdout) if (each["id"] or "").startswith(prefix)}


@pytest.fixture
def topic(stack: Stack) -> str:
    """One record, two in an open transaction, and one behind them."""
    topic = create_topic(stack)
    write(stack, topic, "before")
    leave_open(stack, left_open(topic), topic, "in it", "in it too")
    write(stack, topic, "behind")
    assert committed(stack, topic) == ["before"]
    return topic


def left_open(topic: str) -> str:
    return f"gone-{topic}/candles/{topic}/-0-1"


def test_an_open_transaction_is_shown_with_what_it_hides(tickloom: Tickloom, topic: str) -> None:
    (each,) = listed(tickloom, left_open(topic)).values()
    assert (each["job"], each["topic"], each["state"], each["owner"]) == ("candles", topic, "Ongoing", "gone")
    assert (each["holds"], each["hidden"]) == (True, 3)
    place = {"topic": topic, "partition": 0, "first_offset": 1, "last_stable_offset": 1, "end": 4}
    assert each["partitions"] == [{**place, "holds": True, "hidden": 3}]
    assert 0 <= each["age_s"] < 60

    table = tickloom("list").stdout
    (row,) = [line.split() for line in table.splitlines() if line.startswith(left_open(topic))]
    assert row[1:4] + row[-2:] == ["candles", topic, "Ongoing", "3", "gone"]
    assert "1 transaction hides 3 records of 1 partition, the oldest for " in table

    shown = tickloom("show", left_open(topic)).stdout
    assert f"{topic} 0 its first offset is 1: holds readers at 1 of 4, 3 records hidden" in shown
    assert "gone: no tickloom-candles with the prefix gone-" in shown


def test_abort_gives_readers_what_is_behind(stack: Stack, tickloom: Tickloom, topic: str) -> None:
    ended = tickloom("abort", left_open(topic), "--yes")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == f"aborted {left_open(topic)}\n  {topic} 0: the last stable offset is 5, the end\n"
    assert committed(stack, topic) == ["before", "behind"]
    assert not listed(tickloom, left_open(topic))

    again = tickloom("abort", left_open(topic), "--yes")
    assert (again.returncode, again.stdout) == (1, "")
    refusal = f"{left_open(topic)} waits for no decision: its state is "
    assert again.stderr.endswith((f"{refusal}CompleteAbort\n", f"{refusal}Empty\n"))  # the broker forgets it in time


def test_commit_gives_readers_everything(stack: Stack, tickloom: Tickloom, topic: str) -> None:
    ended = tickloom("commit", left_open(topic), "--yes")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == f"committed {left_open(topic)}\n  {topic} 0: the last stable offset is 5, the end\n"
    assert committed(stack, topic) == ["before", "in it", "in it too", "behind"]


@pytest.mark.thorough
def test_a_transaction_that_another_holds_is_ended_and_the_other_named(
    stack: Stack, tickloom: Tickloom, topic: str
) -> None:
    later = left_open(topic) + "-later"
    leave_open(stack, later, topic, "later")
    (other,) = listed(tickloom, left_open(topic) + "-later").values()
    assert (other["holds"], other["partitions"][0]["first_offset"]) == (False, 4)
    ended = tickloom("commit", later, "--yes")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "the last stable offset is 1 of 6, held by another transaction (producer " in ended.stdout
    assert committed(stack, topic) == ["before"]
    assert tickloom("abort", left_open(topic), "--yes").returncode == 0
    assert committed(stack, topic) == ["before", "behind", "later"]


def test_nothing_is_ended_without_an_answer_to_the_question(stack: Stack, tickloom: Tickloom, topic: str) -> None:
    asked = tickloom("abort", left_open(topic))
    assert asked.returncode == 1
    assert "abort 1 transaction? [y/N]" in asked.stdout
    assert asked.stderr.endswith("Aborted!\n")
    assert committed(stack, topic) == ["before"]
    tickloom("abort", left_open(topic), "--yes")


@pytest.mark.parametrize("what", [("show",), ("abort", "--yes"), ("commit", "--yes")])
def test_an_unknown_transaction_is_one_clear_line(tickloom: Tickloom, what: tuple[str, ...]) -> None:
    refused = tickloom(*what, "tickloom/candles/none/-0-0")
    assert (refused.returncode, refused.stdout) == (1, "")
    unknown = "Kafka knows no transaction tickloom/candles/none/-0-0"
    assert refused.stderr == f"tickloom: {unknown}: `tickloom txn list` shows those that are open\n"


@pytest.mark.thorough
def test_without_a_cluster_owners_are_unknown_and_only_an_answer_ends_anything(
    stack: Stack, tmp_path: Path, topic: str
) -> None:
    def elsewhere(*arguments: str) -> CompletedProcess[str]:
        return stacks.tickloom(tmp_path, "txn", *arguments, "--brokers", stack.bootstrap_servers, check=False)

    (each,) = listed(elsewhere, left_open(topic)).values()
    assert each["owner"] == "unknown"
    named = elsewhere("show", left_open(topic), "--cluster", f"{ports.HOST}:{stack.ports.flink}")
    assert "gone: no tickloom-candles with the prefix " in named.stdout
    refused = elsewhere("abort", left_open(topic), "--yes")
    assert refused.returncode == 1
    assert "its job may run (unknown: no cluster is named or runs here): name its cluster" in refused.stderr
    assert committed(stack, topic) == ["before"]

    answered = subprocess.run(
        stacks.command("txn", "abort", left_open(topic), "--brokers", stack.bootstrap_servers),
        env=stacks.environment(tmp_path),
        input="y\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert answered.returncode == 0, answered.stderr
    assert "unknown: no cluster is named or runs here\nabort 1 transaction? [y/N]: " in answered.stdout
    assert committed(stack, topic) == ["before", "behind"]


@pytest.mark.thorough
def test_a_broker_that_does_not_answer_is_one_line_without_a_secret(tmp_path: Path) -> None:
    (port,) = ports.free(1)
    secret = 'org.example.Login required password="hush";'
    properties = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.jaas.config": secret}
    brokers = ("--brokers", f"{ports.HOST}:{port}")
    for given in ({}, properties):
        failed = stacks.tickloom(
            tmp_path, "txn", "list", *brokers, check=False, TICKLOOM_KAFKA_PROPERTIES=json.dumps(given)
        )
        assert (failed.returncode, failed.stdout) == (1, "")
        assert failed.stderr.startswith(f"tickloom: Kafka at {ports.HOST}:{port}: ")
        assert failed.stderr.count("\n") == 1
        assert "hush" not in failed.stderr


@pytest.mark.thorough
def test_a_running_job_keeps_its_transactions_and_those_of_a_killed_one_are_ended(
    stack: Stack, tickloom: Tickloom
) -> None:
    feed = Feed(stack, partitions=1)
    # No checkpoint comes in time: everything the job writes stays in the transactions it began with.
    lasting = {"checkpoint_interval": "50min", "restart_allowance": "1min", "transaction_timeout": "55min"}
    chosen = settings(stack, feed, resolutions="1s,1m", parallelism=1, **lasting)
    job = CandleJob.submit(stack, chosen)
    with clean_topics(stack, chosen), Output(stack, chosen, feed) as output:
        for seconds in (0, 1, 2, 200):
            feed.send(0, trade(START_NS + seconds * SECOND_NS, "10", "1", symbol=feed.symbol("A")))
        feed.flush()
        ids = await_candles(chosen)
        assert owners(tickloom, chosen) == {"runs"}
        refused = tickloom("abort", ids["md.candles.1s.v1"], "--yes")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert f"{ids['md.candles.1s.v1']} is in use: tickloom-candles runs on " in refused.stderr
        assert f" as {job.id} and ends its transactions by itself; stop it first" in refused.stderr
        another_prefix_is_not_the_jobs(stack, tickloom)

        kill_its_taskmanager(stack)
        wait_until(lambda: job.state == "FAILED", "the end of a job that may not restart")
        assert owners(tickloom, chosen) == {"gone"}
        output.read_to_end()
        assert output.candles == []
        ended = tickloom("commit", ids["md.candles.1s.v1"], "--yes")
        assert (ended.returncode, ended.stderr) == (0, "")
        ended = tickloom("abort", ids["md.candles.1m.v1"], "--yes")
        assert (ended.returncode, ended.stderr) == (0, "")
        output.read_to_end()
        assert [each["resolution"] for each in output.candles] == ["1s", "1s", "1s"]


def await_candles(chosen: Settings) -> dict[str, str]:
    """The id of the job's transaction of each candle topic, once there are candles in both."""
    found: dict[str, str] = {}

    def both() -> bool:
        ours = (each for each in open_transactions(admin) if each.sink and each.sink.prefix == prefix)
        found.update((each.sink.topic, each.id) for each in ours if each.holds and each.sink and each.id)
        return len(found) == 2

    prefix = chosen.transactional_id_prefix
    with TransactionAdmin(chosen) as admin:
        wait_until(both, "candles of both lengths")
    return found


def owners(tickloom: Tickloom, chosen: Settings) -> set[str]:
    """What is said of the owner of the job's transactions."""
    return {each["owner"] for each in listed(tickloom, f"{chosen.transactional_id_prefix}/").values()}


@contextmanager
def clean_topics(stack: Stack, chosen: Settings) -> Iterator[None]:
    """Leave no transaction of the job open, whatever happens: its topics are those of every job of the session."""
    try:
        yield
    except BaseException:
        kill_its_taskmanager(stack)
        with TransactionAdmin(chosen) as admin:
            for each in open_transactions(admin):
                if each.id and each.id.startswith(f"{chosen.transactional_id_prefix}/"):
                    resolve.end(admin, each, commit=False)
        raise


def another_prefix_is_not_the_jobs(stack: Stack, tickloom: Tickloom) -> None:
    topic = create_topic(stack)
    leave_open(stack, left_open(topic), topic, "in it")
    assert listed(tickloom, left_open(topic))[left_open(topic)]["owner"] == "gone"
    assert tickloom("abort", left_open(topic), "--yes").returncode == 0


def kill_its_taskmanager(stack: Stack) -> None:
    """SIGKILL to the TaskManager, which comes back without the job."""
    killed = stack.pids["taskmanager"]
    os.kill(killed, signal.SIGKILL)
    wait_until(
        lambda: stack.pids.get("taskmanager", killed) != killed and all_healthy(stack),
        "the cluster",
        RESTART_TIMEOUT_S,
    )
