"""Replay against the real broker and registry: what arrives, where, when, and what is said when it cannot."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import Schema

from deploy import jars
from deploy.stack import Stack
from schemas import avro
from schemas.codec import Decoder
from schemas.registry import RegistryError, connect
from services.committed import CommittedReader
from services.demo_data import write_trades
from services.oracle import expected_candles
from services.replay import Replay, ReplayError, Target
from services.trades_file import Row, TradesFile
from tests.integration.stacks import command
from udfs.partitioner import partition_of

pytestmark = pytest.mark.integration

PARTITIONS = 4
SECOND_NS = 1_000_000_000
START_NS = 1_700_000_000 * SECOND_NS


def create_topic(stack: Stack, **config: str) -> str:
    topic = f"test.{uuid4().hex}.v1"
    admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers})
    created = admin.create_topics([NewTopic(topic, PARTITIONS, 1, config={"retention.ms": "-1", **config})])
    created[topic].result(30)
    return topic


def register(stack: Stack, topic: str, name: str = "trade") -> int:
    schema = Schema(avro.text(name), "AVRO")
    return int(connect(stack.registry_client()).register_schema(f"{topic}-value", schema))


@pytest.fixture
def target(stack: Stack) -> Target:
    """A topic of its own, with the trade schema registered."""
    topic = create_topic(stack)
    register(stack, topic)
    return Target(kafka=stack.kafka_client(), registry=stack.registry_client(), topic=topic)


@pytest.fixture
def tape(tmp_path: Path) -> TradesFile:
    """1,000 trades of 20 symbols, a second between two of them, and a bad row at the end."""
    path = tmp_path / "trades.csv"
    lines = [f"{START_NS + i * SECOND_NS + 123_456_789},S{i % 20},{i}.5,1e-8,t{i}" for i in range(1_000)]
    path.write_text("\n".join(["ts_event,symbol,price,size,trade_id", *lines, "0,S1,NaN,1,bad"]) + "\n")
    return TradesFile(path)


def messages(target: Target, count: int) -> Iterator[Message]:
    consumer = Consumer({"bootstrap.servers": target.brokers, "group.id": target.topic})
    consumer.assign([TopicPartition(target.topic, partition, 0) for partition in range(PARTITIONS)])
    try:
        for _ in range(count):
            message = consumer.poll(10)
            assert message is not None, "fewer messages than expected"
            yield message
    finally:
        consumer.close()


def test_every_trade_arrives_exact_with_its_key_its_time_and_its_place(target: Target, tape: TradesFile) -> None:
    replay = Replay([tape], target)
    planned = replay.end_offsets()
    summary = replay.run()
    assert (summary.sent, summary.delivered, summary.skipped) == (1_000, 1_000, 1)
    (bad_row,) = summary.bad_rows
    assert bad_row.startswith(f"{tape.path}:1002: price: 'NaN'")
    assert Replay([], target).end_offsets() == planned
    assert sum(planned.values()) == 1_000

    decoder = Decoder("trade", lambda _: avro.load("trade"))
    arrived = []
    for message in messages(target, 1_000):
        trade = decoder.decode(message.value())
        assert message.key() == trade["symbol"].encode()
        assert message.timestamp()[1] == trade["ts_event"] // 1_000_000
        assert message.partition() == partition_of(trade["symbol"], PARTITIONS)
        arrived.append(trade)
    sent = [row.trade for row in tape.rows() if isinstance(row, Row)]
    for symbol in {trade["symbol"] for trade in sent}:
        assert [t for t in arrived if t["symbol"] == symbol] == [t for t in sent if t["symbol"] == symbol]
    assert arrived[0]["size"] == Decimal("0.00000001")


def test_the_plan_counts_from_what_is_already_there(target: Target, tape: TradesFile) -> None:
    Replay([tape], target).run()
    again = Replay([tape], replace(target, limit=10))
    planned = again.end_offsets()
    again.run()
    assert Replay([], target).end_offsets() == planned
    assert sum(planned.values()) == 1_010


def test_the_original_timing_is_kept_times_a_factor(target: Target, tape: TradesFile) -> None:
    replay = Replay([tape], replace(target, speed=20.0, limit=21))
    started = time.time_ns()
    assert replay.run().delivered == 21
    sent = [replay.log.sent_at(START_NS + i * SECOND_NS + 123_456_789) for i in range(21)]
    waited = [(at - started) / 1e9 for at in sent if at is not None]
    assert len(waited) == 21
    assert 0.95 < waited[-1] - waited[0] < 1.5
    assert max(later - earlier for earlier, later in pairwise(waited)) < 0.5
    assert replay.log.sent_at(START_NS + 21 * SECOND_NS) is None


def test_an_unregistered_schema_names_the_command_that_registers_it(stack: Stack, tape: TradesFile) -> None:
    target = Target(kafka=stack.kafka_client(), registry=stack.registry_client(), topic=create_topic(stack))
    with pytest.raises(RegistryError, match=r"tickloom schemas register --registry http"):
        Replay([tape], target).run()


def test_a_topic_that_is_not_there_is_named(stack: Stack, tape: TradesFile) -> None:
    topic = f"test.{uuid4().hex}.v1"
    register(stack, topic)
    target = Target(kafka=stack.kafka_client(), registry=stack.registry_client(), topic=topic)
    with pytest.raises(ReplayError, match=f"topic {topic}: .*Unknown topic"):
        Replay([tape], target).run()


def test_a_broker_that_is_not_there_is_named(target: Target, tape: TradesFile) -> None:
    with pytest.raises(
        ReplayError, match=r"no broker answers at 127\.0\.0\.1:1: .*Connection refused.*`tickloom up` starts one"
    ):
        Replay([tape], replace(target, kafka={**target.kafka, "bootstrap.servers": "127.0.0.1:1"})).run()


def test_a_trade_the_broker_refuses_ends_the_replay_with_the_reason(stack: Stack, tmp_path: Path) -> None:
    topic = create_topic(stack, **{"max.message.bytes": "500"})
    register(stack, topic)
    path = tmp_path / "large.csv"
    path.write_text(f"ts_event,symbol,price,size,trade_id\n{START_NS},A,1,1,{os.urandom(2_000).hex()}\n")
    target = Target(kafka=stack.kafka_client(), registry=stack.registry_client(), topic=topic)
    with pytest.raises(ReplayError, match=r"took 0 of 1 trades: .*too large"):
        Replay([TradesFile(path)], target).run()


def test_ctrl_c_delivers_what_was_sent_and_says_so(target: Target, tape: TradesFile) -> None:
    where = ["--brokers", target.brokers, "--registry", target.registry["url"], "--topic", target.topic]
    replay = command("replay", str(tape.path), "--speed", "10", *where)
    process = subprocess.Popen(replay, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while sum(Replay([], target).end_offsets().values()) < 3 and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    arrived = sum(Replay([], target).end_offsets().values())
    assert process.returncode == 130
    assert 3 <= arrived < 1_000
    assert f"replay interrupted: {arrived:,} of {arrived:,} trades delivered" in output


def test_the_real_tape_arrives_whole_and_in_order(target: Target, tmp_path: Path) -> None:
    (jar,) = jars.group("demo")
    assert write_trades(jar, tmp_path / "bitstamp.csv") == 100_000
    file = TradesFile(tmp_path / "bitstamp.csv")
    replay = Replay([file], target)
    planned = replay.end_offsets()
    assert replay.run().delivered == 100_000
    with CommittedReader(target.kafka, target.registry, {target.topic: "trade"}) as reader:
        committed = list(reader.read_to_end(60))
    assert max(each.offset for each in committed) + 1 == max(planned.values()) == 100_000
    tape = [row.trade for row in file.rows() if isinstance(row, Row)]
    assert [each.record for each in committed] == tape

    expected = expected_candles(tape)
    assert (expected.trades, expected.rejected, expected.changes) == (100_000, 18, 0)
    assert sum(key.resolution == "1d" for key in expected.candles) == 7
