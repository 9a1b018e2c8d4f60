"""Rejected records are sent again once, whatever fails between: dead letters on a real broker, no job."""

from dataclasses import dataclass, field
from decimal import Decimal
from io import BytesIO
from typing import Any
from uuid import uuid4

import fastavro
import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from deploy.stack import Stack
from jobs import topics
from jobs.settings import Settings
from schemas import registry
from schemas.codec import HEADER, Decoder, Encoder
from schemas.models import RejectedTrade, Trade
from schemas.registered import Registry
from schemas.registry import RegistryError, connect
from schemas.topics import REJECTED, REPLAYED, subject
from services.committed import CommittedReader, CommittedReadError
from services.dead_letter_replay import DeadLetterReplay, DeadLetterReplayError, Letter, Sender
from services.dead_letters import DeadLetters, Origin, Wanted, groups
from tests.integration.test_replay import PARTITIONS, create_topic, register
from tests.integration.writers import NEWER, OTHER, OURS, VALUES
from tests.integration.writers import register as register_writer
from tests.services.tape import trade
from udfs import rules
from udfs.partitioner import partition_of
from udfs.validation import judge

pytestmark = pytest.mark.integration

AT = 1_700_000_000 * 10**9
MENDED = {"size": Decimal(1)}


def reason(made: Trade, ts_kafka: int | None) -> str | None:
    found = judge(rules.load(), made, ts_kafka)
    return found and found.reason


@dataclass
class Dead:
    """A trades topic of the test's own and its dead letters, written by hand."""

    stack: Stack
    topic: str
    encoder: Encoder
    letters: DeadLetters
    offsets: dict[int, int] = field(default_factory=dict)

    def add(self, value: bytes | None, rule: str = "size", partition: int = 0, **fields: Any) -> Origin:
        """One more dead letter; its origin counts up."""
        offset = self.offsets[partition] = self.offsets.get(partition, -1) + 1
        place = {"topic": self.topic, "partition": partition, "offset": offset}
        letter = RejectedTrade(**{"value": value, "rule": rule, "reason": "why", "ts_kafka": AT, **place, **fields})
        ids = registry.register(self.stack.registry_client(), Settings().resolutions)
        producer = Producer({"bootstrap.servers": self.stack.bootstrap_servers})
        producer.produce(REJECTED, Encoder(ids[subject(REJECTED)], "rejected_trade").encode(letter.to_avro()))
        assert producer.flush(30) == 0
        return Origin(partition, offset)

    def trade(self, size: str = "0", **fields: Any) -> bytes:
        return self.encoder.encode(trade(AT, "1.5", size, **fields))

    def replay(self, **changes: Any) -> DeadLetterReplay:
        return DeadLetterReplay(self.letters, reason, changes, f"test/{self.topic}/")

    def sent(self) -> list[Message]:
        """The committed messages of the trades topic."""
        options = {"group.id": uuid4().hex, "isolation.level": "read_committed", "enable.partition.eof": True}
        consumer = Consumer({"bootstrap.servers": self.stack.bootstrap_servers, **options})
        consumer.assign([TopicPartition(self.topic, partition, 0) for partition in range(PARTITIONS)])
        found, ends = [], 0
        while ends < PARTITIONS:
            message = consumer.poll(10)
            assert message is not None
            ends += message.error() is not None
            found += [message] if message.error() is None else []
        consumer.close()
        return found

    def trades(self) -> list[dict[str, Any]]:
        decoder = Decoder("trade", Registry(self.stack.registry_client()).schema)
        return [decoder.decode(message.value() or b"") for message in self.sent()]


@pytest.fixture
def dead(stack: Stack) -> Dead:
    settings = Settings(brokers=stack.bootstrap_servers, registry=stack.registry_url)
    topics.create_missing(settings, [REJECTED, REPLAYED])
    topic = create_topic(stack)
    encoder = Encoder(register(stack, topic), "trade")
    return Dead(stack, topic, encoder, DeadLetters(stack.kafka_client(), stack.registry_client(), topic))


def test_a_mended_record_is_sent_once_with_a_trace_to_its_origin(dead: Dead) -> None:
    dead.add(dead.trade("3"), "venue", severity="flag")
    dead.add(dead.trade(symbol="ÄÖ"), partition=2)
    summary = dead.replay(**MENDED).run(Wanted())
    assert (summary.replayed, summary.before, summary.failing) == (1, 0, 0)
    again = dead.replay(**MENDED).run(Wanted())
    assert (again.replayed, again.before, again.failing) == (0, 1, 0)

    (message,) = dead.sent()
    assert message.key() == "ÄÖ".encode()
    assert message.partition() == partition_of("ÄÖ", PARTITIONS)
    assert message.timestamp()[1] == AT // 10**6
    names = {"topic": dead.topic, "partition": "2", "offset": "0", "rule": "size"}
    assert dict(message.headers() or []) == {f"tickloom.origin.{name}": text.encode() for name, text in names.items()}
    (made,) = dead.trades()
    assert made == {**trade(AT, "1.5", "1", symbol="ÄÖ")}
    (line,) = dead.letters.replayed().values()
    assert (line.topic, line.partition, line.offset, line.rule) == (dead.topic, 2, 0, "size")
    assert line.changes == "size=1"


def test_what_still_fails_is_left_and_named(dead: Dead) -> None:
    wrong = dead.add(dead.trade("0"))
    garbage = dead.add(HEADER.pack(0, 1) + b"\xff" * 30, "truncated")
    tombstone = dead.add(None, "empty")
    unknown = dead.add(HEADER.pack(0, 2**31 - 1) + b"x", "schema_id", schema_id=2**31 - 1)
    client = connect(dead.stack.registry_client())
    protobuf = register_writer(client, 'syntax = "proto3"; message A { int32 a = 1; }', "PROTOBUF")
    foreign = dead.add(HEADER.pack(0, protobuf) + b"x", "schema_id", schema_id=protobuf)
    good = dead.add(dead.trade("2"))
    summary = dead.replay().run(Wanted())
    assert (summary.replayed, summary.failing) == (1, 5)
    said = dict(summary.reasons)
    assert said.keys() == {wrong, garbage, tombstone, unknown, foreign}
    assert said[wrong] == "size: must be above 0, was 0.000000000000"
    assert said[unknown] == "schema id 2147483647 is not an Avro schema of the registry"
    assert said[foreign] == f"schema id {protobuf} is not an Avro schema of the registry"
    assert said[tombstone] == "0 bytes are too few for a framed record"
    assert list(dead.letters.replayed()) == [good]


def test_rules_and_times_choose_what_is_sent(dead: Dead) -> None:
    dead.add(dead.trade("1"), "price", ts_kafka=AT + 1)
    dead.add(dead.trade("2"), "price", ts_kafka=AT - 1)
    dead.add(dead.trade("3"), "future", ts_kafka=AT)
    dead.add(dead.trade("4"), "price", ts_kafka=None)
    assert dead.replay().dry_run(Wanted(since=AT)).replayed == 3
    assert dead.replay().run(Wanted(rules=("price",), since=AT)).replayed == 2
    assert sorted(made["size"] for made in dead.trades()) == [1, 4]


def test_a_dry_run_sends_nothing(dead: Dead) -> None:
    dead.add(dead.trade("1"))
    assert dead.replay().dry_run(Wanted()).replayed == 1
    assert (dead.sent(), dead.letters.replayed()) == ([], {})


def test_a_report_that_was_written_twice_is_one_dead_letter(dead: Dead) -> None:
    dead.add(dead.trade("1"))
    dead.offsets[0] = -1
    dead.add(dead.trade("1"))
    assert dead.replay().run(Wanted()).replayed == 1
    (group,) = groups(dead.letters.read(Wanted()), dead.letters.replayed())
    assert (group.count, group.replayed, group.first, group.latest) == (1, 1, AT, Origin(0, 0))


def test_records_of_other_writers_are_sent_as_ours_when_they_are_exact(dead: Dead) -> None:
    client = connect(dead.stack.registry_client())
    nullable = {"name": "price", "type": ["null", OURS["fields"][6]["type"]], "default": None}
    absent = {**OURS, "fields": [nullable if each["name"] == "price" else each for each in OURS["fields"]]}
    millis = {"name": "ts_event", "type": {"type": "long", "logicalType": "timestamp-millis"}}
    other_time = {**OURS, "fields": [millis if each["name"] == "ts_event" else each for each in OURS["fields"]]}
    for schema, changed in ((NEWER, VALUES), (OTHER, {}), (absent, {"price": None}), (other_time, {})):
        dead.add(written(register_writer(client, schema), schema, {**trade(AT, "1.5", "2"), **changed}))
    summary = dead.replay().run(Wanted())
    (_, no_price), (_, other_unit) = sorted(summary.reasons)
    assert no_price == "price: Field required"
    assert "writes ts_event as timestamp-millis, not as long" in other_unit
    assert dead.replay(price=Decimal(7)).run(Wanted()).replayed == 1
    expected = [trade(AT, "1.5", "2"), trade(AT, "1.5", "2"), trade(AT, "7", "2")]
    assert sorted(map(repr, dead.trades())) == sorted(map(repr, map(exact, expected)))


def written(schema_id: int, schema: dict[str, Any], record: dict[str, Any]) -> bytes:
    buffer = BytesIO()
    fastavro.schemaless_writer(buffer, fastavro.parse_schema(schema), record)
    return HEADER.pack(0, schema_id) + buffer.getvalue()


def exact(record: Any) -> dict[str, Any]:
    """A trade as it is decoded: decimals with their 12 digits."""
    return Trade.from_avro(record).to_avro()


def test_a_replay_that_died_in_its_transaction_has_sent_nothing_and_the_next_sends_all_once(dead: Dead) -> None:
    dead.add(dead.trade())
    dead.add(dead.trade())
    died = Sender(dead.letters, f"test/{dead.topic}/", None)
    batch = list(dead.replay(**MENDED).sendable(Wanted()))
    died._producer.begin_transaction()
    for letter in batch:
        died._produce(letter)
    assert died._producer.flush(30) == 0  # on the broker, not committed
    assert dead.replay(**MENDED).run(Wanted()).replayed == 2
    with pytest.raises(DeadLetterReplayError, match="`replay` again sends what was not sent"):
        died.send(batch[:1])
    assert len(dead.trades()) == len(dead.letters.replayed()) == 2


def test_of_two_replays_at_once_the_one_that_started_later_sends(dead: Dead) -> None:
    for _ in range(3):
        dead.add(dead.trade())
    earlier = Sender(dead.letters, f"test/{dead.topic}/", None)
    batch: list[Letter] = list(dead.replay(**MENDED).sendable(Wanted()))
    earlier.send(batch[:1])
    assert dead.replay(**MENDED).run(Wanted()).replayed == 2
    with pytest.raises(DeadLetterReplayError):
        earlier.send(batch[1:])
    assert len(dead.trades()) == len(dead.letters.replayed()) == 3


def test_a_topic_that_nobody_wrote_has_no_dead_letters(dead: Dead) -> None:
    other = DeadLetters(dead.letters.kafka, dead.letters.registry, "test.nobody")
    assert (list(other.read(Wanted())), other.replayed()) == ([], {})


def test_a_broker_that_is_not_there_is_named(dead: Dead) -> None:
    nowhere = DeadLetters({"bootstrap.servers": "127.0.0.1:1", "log_level": "0"}, dead.letters.registry, dead.topic)
    with pytest.raises(CommittedReadError, match=r"127\.0\.0\.1:1"):
        list(nowhere.read(Wanted()))


def test_a_registry_that_is_not_there_is_no_reason_to_leave_a_record(dead: Dead) -> None:
    dead.add(dead.trade("1"))
    replay = DeadLetterReplay(
        DeadLetters(dead.letters.kafka, {"url": "http://127.0.0.1:1"}, dead.topic), reason, {}, f"test/{dead.topic}/"
    )
    with pytest.raises(RegistryError, match="no registry answers"):
        replay.dry_run(Wanted())


def test_the_ledger_is_read_back_as_it_was_written(dead: Dead) -> None:
    dead.add(dead.trade())
    dead.replay(**MENDED).run(Wanted())
    with CommittedReader(dead.letters.kafka, dead.letters.registry, {REPLAYED: "replayed_trade"}) as reader:
        lines = [found.record for found in reader.read_to_end(30) if found.record["topic"] == dead.topic]
    assert [(line["partition"], line["offset"], line["changes"]) for line in lines] == [(0, 0, "size=1")]
