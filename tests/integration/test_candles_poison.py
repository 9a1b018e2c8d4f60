"""Poison and the records of other writers in the middle of one topic: each finds its place, and the job never fails."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from io import BytesIO
from typing import Any

import fastavro
import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from deploy.stack import Stack
from schemas.codec import HEADER, MAGIC
from schemas.registry import connect
from services.oracle import SECOND_NS, expected_candles
from services.records import TradeRecord
from tests.integration import poison
from tests.integration.candle_job import START_NS, CandleJob, Feed, settings, wait_until
from tests.integration.candle_output import Output
from tests.integration.poison import Poison
from tests.integration.writers import NEWER, OLDER, OTHER, OURS, VALUES, register
from tests.services.tape import trade

pytestmark = pytest.mark.integration

CLOSED = ["1s", "1m", "5m", "15m"]
"""Resolutions whose windows close while the test looks on."""
WRITERS = {"older": OLDER, "newer": NEWER, "other": OTHER, "ours": OURS}


@dataclass
class Topic:
    """What was sent, and what became of it."""

    feed: Feed
    registry: SchemaRegistryClient
    poison: dict[tuple[int, int], Poison] = field(default_factory=dict)
    tape: list[TradeRecord] = field(default_factory=list)

    def good(self, name: str, **fields: Any) -> TradeRecord:
        """The next good trade, a tenth of a second after the last."""
        ts_event = START_NS + len(self.tape) * SECOND_NS // 10
        made = trade(ts_event, "12.345678", "0.5", symbol=self.feed.symbol(name), **fields)
        self.tape.append(made)
        return made

    def send_poison(self) -> None:
        """All poison, each between two good trades."""
        schema_id = HEADER.unpack_from(self.feed.encoder.encode(trade(1)))[1]
        for number, each in enumerate(poison.everything(self.registry, self.feed.encoder, schema_id)):
            partition = number % 2
            self.feed.send(partition, self.good(f"{partition}-{number % 3}"))
            stamp = (START_NS // 10**6) if "Kafka" in each.says else 0
            offset, _ = self.feed.send_bytes(partition, each.value, stamp)
            self.poison[partition, offset] = each

    def send_others(self) -> None:
        """Trades of every writer schema, by the serialisers of two libraries."""
        for name, schema in WRITERS.items():
            confluent = AvroSerializer(self.registry, json.dumps(schema))
            context = SerializationContext(f"{self.feed.topic}.{name}", MessageField.VALUE)
            made = self.good(f"confluent-{name}")
            self.feed.send_bytes(0, confluent({**made, **VALUES}, context), made["ts_event"] // 10**6)
            made = self.good(f"fastavro-{name}")
            self.feed.send_bytes(1, fastavro_bytes(self.registry, schema, made), made["ts_event"] // 10**6)

    def send_changes(self) -> None:
        """A cancel and a correction of trades that are on the tape."""
        for action in ("cancel", "correct"):
            made = self.good("0-0", action=action, original_trade_id="7", original_ts_event=START_NS)
            self.feed.send(0, made)


def fastavro_bytes(registry: SchemaRegistryClient, schema: dict[str, Any], made: TradeRecord) -> bytes:
    """A trade as fastavro writes it."""
    buffer = BytesIO(HEADER.pack(MAGIC, register(registry, schema)))
    buffer.seek(0, 2)
    fastavro.schemaless_writer(buffer, fastavro.parse_schema(schema), {**made, **VALUES})
    return buffer.getvalue()


@dataclass(frozen=True)
class Ran:
    """A run over the topic, seen from outside while the job was still running."""

    topic: Topic
    output: Output
    restarts: int
    dropped: int
    unknown_conditions: int
    chains: list[str]


@pytest.fixture(scope="module")
def ran(stack: Stack) -> Iterator[Ran]:
    topic = Topic(Feed(stack), connect(stack.registry_client()))
    chosen = settings(stack, topic.feed, out_of_orderness="1s", resolutions=",".join(CLOSED))
    with CandleJob.submit(stack, chosen) as job, Output(stack, chosen, topic.feed) as output:
        topic.send_poison()
        topic.send_others()
        topic.send_changes()
        for partition in (0, 1):
            late = START_NS + 3_600 * SECOND_NS
            told: dict[str, Any] = {"venue": "XNAS", "conditions": ["37", "unheard of"]}
            topic.feed.send(partition, trade(late, symbol=topic.feed.symbol("LAST"), **told))
        topic.feed.flush()
        expected = expected_candles(topic.tape, CLOSED)
        output.follow_to(expected.candles, expected.trades + len(topic.poison))
        wait_until(lambda: job.counted("fold.unknownConditions") >= 2, "the metric of unknown conditions")
        unknown = job.counted("fold.unknownConditions")
        yield Ran(topic, output, job.restarts(), job.dropped(), unknown, [vertex["name"] for vertex in job.vertices])


def test_every_poisonous_message_is_rejected_with_its_bytes_its_rule_and_its_place(ran: Ran) -> None:
    rejected = {(record["partition"], record["offset"]): record for record in ran.output.rejected}
    assert rejected.keys() == ran.topic.poison.keys()
    for place, each in ran.topic.poison.items():
        record = rejected[place]
        kept = each.value if each.kept is None or each.value is None else each.value[: each.kept]
        assert record["rule"] in each.rules, f"{each.says}: {record['rule']}: {record['reason']}"
        assert record["value"] == kept, each.says
        assert record["schema_id"] == each.schema_id, each.says
        assert record["topic"] == ran.topic.feed.topic
        assert record["ts_kafka"] > START_NS - SECOND_NS
        assert record["reason"]


def test_what_is_cut_off_is_said(ran: Ran) -> None:
    (cut,) = [record for record in ran.output.rejected if "are kept" in record["reason"]]
    assert cut["reason"].endswith("; of its 1040000 bytes the first 1000000 are kept")


def test_the_good_trades_around_poison_are_in_their_candles_and_on_time(ran: Ran) -> None:
    expected = expected_candles(ran.topic.tape, CLOSED).candles
    verdict = ran.output.verdict(expected)
    assert verdict.holds, verdict.summary()
    assert [row for row in ran.output.late if row["reason"] == "late"] == []


def test_a_condition_that_the_rules_of_its_venue_do_not_name_is_counted(ran: Ran) -> None:
    assert ran.unknown_conditions == 2


def test_records_of_older_newer_and_other_writer_schemas_read_alike(ran: Ran) -> None:
    written = {f"{library}-{name}" for library in ("confluent", "fastavro") for name in WRITERS}
    candles = {
        candle["symbol"].partition("-")[2]: (candle["open"], candle["volume"])
        for candle in ran.output.candles
        if candle["resolution"] == "1s"
    }
    assert {candles[name] for name in written} == {(Decimal("12.345678"), Decimal("0.5"))}


def test_cancels_and_corrections_name_the_second_they_change(ran: Ran) -> None:
    changes = {row["reason"]: (row["second"], row["trade_id"], row["trades"]) for row in ran.output.late}
    assert changes == {"cancel": (START_NS, "7", 1), "correct": (START_NS, "7", 1)}


def test_every_message_is_accounted_for_and_the_job_was_never_restarted(ran: Ran) -> None:
    assert sum(ran.output.counts().values()) == len(ran.topic.tape) + len(ran.topic.poison)
    assert ran.restarts == 0
    assert ran.dropped == 0


def test_the_source_and_the_fold_are_one_task(ran: Ran) -> None:
    assert any("Source: trades" in chain and "fold" in chain for chain in ran.chains)
