"""The schemas in the real registry, through Confluent's own serialiser, and in Flink SQL."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext

from deploy import jars
from deploy.stack import Stack
from schemas import avro, ddl, registry, topics
from schemas.codec import Decoder, Encoder
from schemas.models import Trade
from schemas.registry import connect
from schemas.resolutions import DEFAULT
from tests.integration.stacks import tickloom

pytestmark = pytest.mark.integration

TRADE = Trade(
    symbol="BTC-USD",
    venue="BITSTAMP",
    trade_id="1",
    ts_event=1_385_337_600_123_456_789,
    price=Decimal("812.120000000001"),
    size=Decimal("0.5"),
    conditions=("14",),
)
SIDE = {"name": "side", "type": "string"}
OPTIONAL_SIDE = {"name": "side", "type": ["null", "string"], "default": None}


@pytest.fixture
def client(stack: Stack) -> Iterator[SchemaRegistryClient]:
    with connect(stack.registry_client()) as client:
        yield client


def nobodys_resolution() -> str:
    return f"{uuid4().int % 10**9 + 1}s"


@pytest.fixture
def odd_resolution(client: SchemaRegistryClient) -> Iterator[str]:
    """A resolution nobody else uses, whose subject the test registers, and which is removed afterwards."""
    resolution = nobodys_resolution()
    yield resolution
    client.delete_subject(topics.subject(topics.candles(resolution)))


def with_field(name: str, field: dict[str, Any]) -> dict[str, Any]:
    schema = avro.load(name)
    return {**schema, "fields": [*schema["fields"], field]}


def lookup(client: SchemaRegistryClient) -> Callable[[int], dict[str, Any]]:
    return lambda identity: dict(json.loads(client.get_schema(identity).schema_str))


def context(topic: str) -> SerializationContext:
    return SerializationContext(topic, MessageField.VALUE)


def test_registering_holds_every_subject_to_backward_transitive_and_changes_nothing_when_repeated(
    stack: Stack, client: SchemaRegistryClient
) -> None:
    ids = registry.register(stack.registry_client(), DEFAULT)
    versions = registry.versions(stack.registry_client(), DEFAULT)
    assert list(ids) == list(topics.subjects(DEFAULT))
    assert {client.get_compatibility(subject) for subject in ids} == {"BACKWARD_TRANSITIVE"}
    assert registry.register(stack.registry_client(), DEFAULT) == ids
    assert registry.versions(stack.registry_client(), DEFAULT) == versions
    assert {subject: len(client.get_versions(subject)) for subject in ids} == versions


def test_of_some_topics_the_schemas_are_registered_and_no_other(stack: Stack, client: SchemaRegistryClient) -> None:
    resolution = nobodys_resolution()
    ids = registry.register(stack.registry_client(), [resolution], only=[topics.TRADES, topics.LATE])
    assert set(ids) == {topics.subject(topics.TRADES), topics.subject(topics.LATE)}
    assert topics.subject(topics.candles(resolution)) not in client.get_subjects()


def test_a_registered_id_leads_back_to_our_schema(stack: Stack, client: SchemaRegistryClient) -> None:
    ids = registry.register(stack.registry_client(), ["1m"])
    for subject, name in topics.subjects(["1m"]).items():
        assert lookup(client)(ids[subject]) == avro.load(name)


def test_the_command_prints_subject_id_and_version(stack: Stack, tmp_path: Path) -> None:
    result = tickloom(tmp_path, "schemas", "register", "--registry", stack.registry_url, "--resolution", "1m")
    ids = registry.register(stack.registry_client(), ["1m"])
    versions = registry.versions(stack.registry_client(), ["1m"])
    heading, *rows = [line.split() for line in result.stdout.splitlines()]
    assert heading == ["subject", "id", "version"]
    assert rows == [[subject, str(ids[subject]), str(versions[subject])] for subject in ids]


def test_the_registry_itself_refuses_a_breaking_schema(stack: Stack, client: SchemaRegistryClient) -> None:
    ids = registry.register(stack.registry_client(), ["1m"])
    broken = Schema(json.dumps(with_field("trade", SIDE)), "AVRO")
    with pytest.raises(SchemaRegistryError) as refused:
        client.register_schema(topics.subject(topics.TRADES), broken)
    assert refused.value.http_status_code == 409
    assert registry.register(stack.registry_client(), ["1m"]) == ids


def test_a_broken_schema_fails_the_check_and_registers_nothing(
    stack: Stack, client: SchemaRegistryClient, folder: Path, odd_resolution: str
) -> None:
    subject = topics.subject(topics.candles(odd_resolution))
    registry.register(stack.registry_client(), [odd_resolution])
    (folder / "candle.avsc").write_text(json.dumps(with_field("candle", SIDE)))
    broken = f"{subject}, field side: added without a default, so records written with version 1 cannot be read"
    assert broken in registry.check(stack.registry_client())
    with pytest.raises(registry.RegistryError, match="field side: added without a default"):
        registry.register(stack.registry_client(), [odd_resolution])
    assert client.get_versions(subject) == [1]


def test_a_decimal_of_another_scale_is_refused_though_the_registry_would_take_it(
    stack: Stack, client: SchemaRegistryClient, folder: Path, odd_resolution: str
) -> None:
    subject = topics.subject(topics.candles(odd_resolution))
    registry.register(stack.registry_client(), [odd_resolution])
    finer = json.loads(json.dumps(avro.load("candle")).replace('"scale": 12', '"scale": 18'))
    (folder / "candle.avsc").write_text(json.dumps(finer))
    with pytest.raises(registry.RegistryError, match=r"field volume: type changed from decimal\(38, 12\)"):
        registry.register(stack.registry_client(), [odd_resolution])
    assert client.test_compatibility(subject, Schema(json.dumps(finer), "AVRO"))
    assert client.get_versions(subject) == [1]


def test_a_compatible_change_becomes_the_next_version(stack: Stack, folder: Path, odd_resolution: str) -> None:
    subject = topics.subject(topics.candles(odd_resolution))
    first = registry.register(stack.registry_client(), [odd_resolution])[subject]
    (folder / "candle.avsc").write_text(json.dumps(with_field("candle", OPTIONAL_SIDE)))
    assert registry.check(stack.registry_client()) == []
    assert registry.register(stack.registry_client(), [odd_resolution])[subject] != first
    assert registry.versions(stack.registry_client(), [odd_resolution])[subject] == 2


def test_what_answers_but_is_no_registry_is_told_in_one_line(stack: Stack) -> None:
    for url in (stack.flink_rest_url, f"{stack.registry_url}/nowhere"):
        with pytest.raises(registry.RegistryError) as refused:
            registry.register({"url": url}, ["1m"])
        assert url in str(refused.value)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("written", ["ours", "older", "newer"])
def test_a_trade_of_confluents_serialiser_is_read_whatever_version_it_was_written_with(
    client: SchemaRegistryClient, topic_name: Callable[[str], str], written: str
) -> None:
    ours, optional = avro.load("trade"), ("venue", "conditions")
    schema = {
        "ours": ours,
        "older": {**ours, "fields": [field for field in ours["fields"] if field["name"] not in optional]},
        "newer": with_field("trade", OPTIONAL_SIDE),
    }[written]
    record = {**TRADE.to_avro(), "side": "buy"}
    serialise = AvroSerializer(client, json.dumps(schema))
    message = serialise(
        {field["name"]: record[field["name"]] for field in schema["fields"]}, context(topic_name("trades"))
    )
    expected = TRADE if written != "older" else TRADE.model_copy(update={"venue": None, "conditions": ()})
    assert Trade.from_avro(Decoder("trade", lookup(client)).decode(message)) == expected


def test_confluents_deserialiser_reads_what_we_write(stack: Stack, client: SchemaRegistryClient) -> None:
    identity = registry.register(stack.registry_client(), ["1m"])[topics.subject(topics.TRADES)]
    message = Encoder(identity, "trade").encode(TRADE.to_avro())
    assert AvroDeserializer(client)(message, context(topics.TRADES)) == TRADE.to_avro()


@pytest.fixture(scope="module")
def flink() -> Any:
    """Flink's planner, with the connectors on its class path."""
    from pyflink.table import EnvironmentSettings, TableEnvironment

    env = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    env.get_config().set("pipeline.jars", ";".join(jar.as_uri() for jar in jars.group("flink")))
    return env


def plan(flink: Any, columns: str, schema: str) -> str:
    """Flink's plan of writing a table with these columns under a schema."""
    source, sink = (f"{kind}_{uuid4().hex}" for kind in ("source", "sink"))
    flink.execute_sql(f"CREATE TABLE {source} ({columns}) WITH ('connector' = 'datagen')")
    flink.execute_sql(f"""
        CREATE TABLE {sink} ({columns}) WITH (
            'connector' = 'kafka',
            'topic' = 'never-written',
            'properties.bootstrap.servers' = 'localhost:1',
            'value.format' = 'avro-confluent',
            'value.avro-confluent.url' = 'http://localhost:1',
            'value.avro-confluent.subject' = 'never-written-value',
            'value.avro-confluent.schema' = '{schema.replace("'", "''")}'
        )
    """)
    return str(flink.explain_sql(f"INSERT INTO {sink} SELECT * FROM {source}"))


@pytest.mark.parametrize("name", avro.names())
def test_flink_finds_the_generated_columns_and_the_schema_the_same(flink: Any, name: str) -> None:
    assert "Sink(" in plan(flink, ddl.columns(name), avro.text(name))


@pytest.mark.parametrize(
    ("ours", "other"),
    [
        ("`venue` STRING", "`venue` STRING NOT NULL"),
        ("`price` DECIMAL(38, 12)", "`price` DECIMAL(38, 18)"),
        ("ARRAY<STRING NOT NULL>", "ARRAY<STRING>"),
    ],
)
def test_flink_refuses_columns_that_differ_from_the_schema(flink: Any, ours: str, other: str) -> None:
    columns = ddl.columns("trade")
    assert ours in columns
    with pytest.raises(Exception, match="does not match the table schema"):
        plan(flink, columns.replace(ours, other), avro.text("trade"))
