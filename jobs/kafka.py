"""The tables of the jobs on Kafka: trades in, candles, rejected and late trades out, exactly once."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobs import clients
from jobs.environment import QUOTED_TRADES_COLUMNS, RUNS_COLUMNS, TRADES_COLUMNS, message_columns
from jobs.settings import Settings, milliseconds
from schemas import avro, ddl, topics
from schemas import resolutions as lengths
from schemas.resolutions import SESSIONS
from udfs import conditions, rules

if TYPE_CHECKING:
    from pyflink.table import TableEnvironment

Sink = tuple[str, str, str]
"""(table, topic, schema)."""
STAMPED = ("candle", "quote_candle", "book_depth", "quoted_trade", "order_flow")
"""Schemas whose records bear the time that they are about: of a window its last millisecond."""


def create_trades(env: "TableEnvironment", settings: Settings, **options: str) -> None:
    """Create the table `trades` on the trades topic. Further options of the connector go through as they are."""
    create(env, "trades", TRADES_COLUMNS, trades_source("candles", settings) | options)


def trades_source(job: str, settings: Settings) -> dict[str, str]:
    """Options of the `tickloom` connector on the trades topic."""
    return {
        "connector": "tickloom",
        "rules": rules.load(settings.rules).for_connector(),
        "conditions": conditions.load(settings.conditions).for_connector(),
        **reading(job, settings.trades_topic, settings),
    }


def reading(job: str, topic: str, settings: Settings) -> dict[str, str]:
    """What our connectors have in common: where they read, until when, and how long they wait for what is late."""
    return {
        "registry": settings.registry,
        **{f"registry-secrets.{name}": value for name, value in clients.registry_in_java(settings).items()},
        "topic": topic,
        "group": consumer_group(settings, job),
        "out-of-orderness": f"{milliseconds(settings.out_of_orderness)} ms",
        "idle-timeout": f"{milliseconds(settings.idle_timeout)} ms",
        **({"stop-offsets": settings.stop_offsets} if settings.stop_offsets else {}),
        **client_properties(settings),
    }


def create_quotes(env: "TableEnvironment", job: str, settings: Settings) -> None:
    """Create the table `quotes`: candles of the best bid and offer as they close, and what is rejected."""
    options = {
        "connector": "tickloom-quotes",
        "schema": avro.text("quote"),
        "resolutions": _lengths(settings),
        "forget-after": f"{milliseconds(settings.forget_after)} ms",
        **reading(job, settings.quotes_topic, settings),
    }
    create(env, "quotes", message_columns("candle", "quote_candle"), options)


def quote_sinks(settings: Settings) -> list[Sink]:
    """(table, topic, schema) of everything the quote job writes."""
    return [
        *((f"quotes_{name}", topics.quote_candles(name), "quote_candle") for name in settings.resolutions),
        ("rejected_quotes", topics.QUOTES_REJECTED, "rejected_trade"),
    ]


def _lengths(settings: Settings) -> str:
    return ";".join(f"{name}={1_000 * lengths.seconds(name)}" for name in settings.resolutions)


def create_quoted_trades(env: "TableEnvironment", job: str, settings: Settings) -> None:
    """Create the table `quoted_trades`: trades with the quotes in force, the flow of windows, and what is rejected."""
    options = {
        "connector": "tickloom-trades-with-quotes",
        "rules": rules.load(settings.rules).for_connector(),
        "quotes-topic": settings.quotes_topic,
        "quotes-schema": avro.text("quote"),
        "resolutions": _lengths(settings),
        "realised-after": f"{milliseconds(settings.realised_after)} ms",
        "forget-after": f"{milliseconds(settings.forget_after)} ms",
        **reading(job, settings.trades_topic, settings),
    }
    create(env, "quoted_trades", QUOTED_TRADES_COLUMNS, options)


def quoted_sinks(settings: Settings) -> list[Sink]:
    """(table, topic, schema) of everything the job of trades with quotes writes."""
    return [
        ("trades_with_quotes", topics.QUOTED, "quoted_trade"),
        *((f"flow_{name}", topics.order_flow(name), "order_flow") for name in settings.resolutions),
        ("rejected_records", topics.QUOTED_REJECTED, "rejected_trade"),
    ]


def create_books(env: "TableEnvironment", job: str, settings: Settings) -> None:
    """Create the table `books`: their depth at the end of every interval, and what is rejected."""
    options = {
        "connector": "tickloom-books",
        "schema": avro.text("book_update"),
        "interval": f"{milliseconds(settings.depth_interval)} ms",
        "levels": str(settings.depth_levels),
        "within-bp": str(settings.depth_within_bp),
        "forget-after": f"{milliseconds(settings.forget_after)} ms",
        **reading(job, settings.books_topic, settings),
    }
    create(env, "books", message_columns("depth", "book_depth"), options)


def book_sinks() -> list[Sink]:
    """(table, topic, schema) of everything the book job writes."""
    return [("depths", topics.DEPTH, "book_depth"), ("rejected_updates", topics.BOOKS_REJECTED, "rejected_trade")]


def create_candles(env: "TableEnvironment", job: str, settings: Settings) -> None:
    """Create the sink tables of the candle job: one a resolution, rejected_trades and late_trades."""
    create_sinks(env, job, candle_sinks(settings), settings)


def create_sinks(env: "TableEnvironment", job: str, sinks: Sequence[Sink], settings: Settings) -> None:
    """Create the sink tables of a job: exactly-once topics of Avro."""
    for table, topic, schema in sinks:
        create(env, table, sink_columns(schema), sink(job, topic, schema, settings))


RECORD_COLUMNS = "symbol STRING, `value` BYTES, ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp'"
"""A record whose value is encoded, or decoded, by a step in Python."""
RECORD_FORMAT = {
    "key.format": "raw",
    "key.fields": "symbol",
    "value.format": "raw",
    "value.fields-include": "EXCEPT_KEY",
}


def create_triggers(env: "TableEnvironment", job: str, settings: Settings) -> None:
    """Create the table `late_trades` of encoded rows on their topic."""
    create(env, "late_trades", "symbol STRING, `value` BYTES", source(job, topics.LATE, settings) | RECORD_FORMAT)


def create_encoded(env: "TableEnvironment", job: str, settings: Settings, sinks: Sequence[Sink]) -> None:
    """Create sink tables whose records a step in Python has encoded."""
    for table, topic, _ in sinks:
        create(env, table, RECORD_COLUMNS, transactional(job, topic, settings) | RECORD_FORMAT)


def revision_sinks(settings: Settings) -> list[Sink]:
    """(table, topic, schema) of everything the reconcile job writes."""
    return [
        *((f"revisions_{resolution}", topics.candles(resolution), "candle") for resolution in settings.resolutions),
        ("expired_trades", topics.EXPIRED, "late_trades"),
        ("quality_events", topics.EVENTS, "quality_event"),
    ]


def create_minutes(env: "TableEnvironment", job: str, settings: Settings) -> None:
    """Create the table `minutes` on the one-minute candles as they are committed, revisions included.

    Candles of different symbols were written by different tasks: a minute's difference between them is waited for.
    """
    topic = topics.candles("1m")
    columns = f"""
        {ddl.columns("candle")},
        rt AS TO_TIMESTAMP_LTZ(window_end / 1000000 - 1, 3),
        WATERMARK FOR rt AS rt - INTERVAL '1' MINUTE
    """
    idle = {"scan.watermark.idle-timeout": f"{milliseconds(settings.idle_timeout)} ms"}
    create(env, "minutes", columns, source(job, topic, settings) | idle | avro_values(topic, "candle", settings))


def create_sessions(env: "TableEnvironment", job: str, settings: Settings) -> None:
    """Create the sink tables of the session job."""
    create_sinks(env, job, session_sinks(), settings)


def session_sinks() -> list[Sink]:
    """(table, topic, schema) of everything the session job writes."""
    return [
        *((f"candles_{resolution}", topics.candles(resolution), "candle") for resolution in SESSIONS),
        ("market_status", topics.MARKET_STATUS, "market_status"),
    ]


def create_facts(env: "TableEnvironment", job: str, settings: Settings) -> None:
    """Create the tables of what the quality job reads."""
    numbered = {"emit": "runs", "numbered": ";".join(settings.numbered)}
    create(env, "runs", RUNS_COLUMNS, trades_source(job, settings) | numbered)
    for table, (topic, schema) in fact_topics(settings).items():
        create(env, table, ddl.columns(schema), source(job, topic, settings) | avro_values(topic, schema, settings))


def fact_topics(settings: Settings) -> dict[str, tuple[str, str]]:
    """(topic, schema) by table of what the quality job reads beside the trades."""
    return {
        "seconds": (topics.candles("1s"), "candle"),
        "minutes": (topics.candles("1m"), "candle"),
        "rejected_trades": (topics.REJECTED, "rejected_trade"),
        "late_trades": (topics.LATE, "late_trades"),
        **({"reference_minutes": (settings.reference_topic, "candle")} if settings.reference_topic else {}),
    }


def quality_sinks() -> list[Sink]:
    """(table, topic, schema) of everything the quality job writes."""
    return [("quality", topics.QUALITY, "quality"), ("quality_events", topics.EVENTS, "quality_event")]


def source(job: str, topic: str, settings: Settings) -> dict[str, str]:
    """Options of a committed topic read from its beginning, as far as no state says otherwise."""
    return {
        "connector": "kafka",
        "topic": topic,
        "properties.group.id": consumer_group(settings, job),
        "properties.isolation.level": "read_committed",
        "scan.startup.mode": "earliest-offset",
        **client_properties(settings),
    }


def sink_columns(schema: str) -> str:
    """Columns of a topic's table, with the time by which its records are found."""
    stamp = ", ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp'" if schema in STAMPED else ""
    return ddl.columns(schema) + stamp


def consumer_group(settings: Settings, job: str = "candles") -> str:
    """The group in which a job shows, with every checkpoint, how far it has read; it does not resume by it."""
    return f"{settings.transactional_id_prefix}-{job}"


def candle_sinks(settings: Settings) -> list[Sink]:
    """(table, topic, schema) of everything the candle job writes."""
    return [
        *((candle_table(name), topics.candles(name), "candle") for name in settings.candle_names),
        ("rejected_trades", topics.REJECTED, "rejected_trade"),
        ("late_trades", topics.LATE, "late_trades"),
    ]


def candle_table(name: str) -> str:
    """Table of the candles of a resolution, or of `1m.updating` and the like."""
    return f"candles_{name.replace('.', '_')}"


def bar_sinks(settings: Settings) -> list[Sink]:
    """(table, topic, schema) of everything the bar job writes."""
    return [
        *((f"bars_{kind}", topics.bars(kind), "bar") for kind in settings.bar_kinds),
        ("late_ticks", topics.BARS_LATE, "late_trades"),
    ]


def enriched_sinks() -> list[Sink]:
    """(table, topic, schema) of everything the enrichment job writes."""
    return [("enriched_trades", topics.ENRICHED, "enriched_trade")]


def sink(job: str, topic: str, schema: str, settings: Settings) -> dict[str, str]:
    """Options of an exactly-once topic keyed by symbol (rejected trades may have none and go round robin)."""
    keyed = {"key.format": "raw", "key.fields": "symbol"} if schema != "rejected_trade" else {}
    return transactional(job, topic, settings) | keyed | avro_values(topic, schema, settings)


def avro_values(topic: str, schema: str, settings: Settings) -> dict[str, str]:
    """Options of a topic whose values are Confluent-framed Avro."""
    return {
        "value.format": "avro-confluent",
        **{f"value.avro-confluent.{name}": value for name, value in clients.registry_format(settings).items()},
        "value.avro-confluent.subject": topics.subject(topic),
        "value.avro-confluent.schema": avro.text(schema),
    }


def transactional(job: str, topic: str, settings: Settings) -> dict[str, str]:
    """Options of an exactly-once topic, whatever the format of its records."""
    return {
        "connector": "kafka",
        "topic": topic,
        **client_properties(settings),
        "sink.delivery-guarantee": "exactly-once",
        "sink.transactional-id-prefix": transactional_id_prefix(job, topic, settings),
        "sink.transaction-naming-strategy": "POOLING",
        "properties.transaction.timeout.ms": str(milliseconds(settings.transaction_timeout)),
    }


def transactional_id_prefix(job: str, topic: str, settings: Settings) -> str:
    """Unique to the sink, and ended by '/', so that none is the beginning of another: POOLING aborts by prefix."""
    return f"{settings.transactional_id_prefix}/{job}/{topic}/"


def client_properties(settings: Settings) -> dict[str, str]:
    """Properties of the Java client as options of a table."""
    return {f"properties.{name}": value for name, value in clients.kafka_in_java(settings).items()}


def create(env: "TableEnvironment", table: str, columns: str, options: dict[str, str]) -> None:
    """Create a table from its columns and options."""
    listed = ",\n  ".join(f"'{name}' = '{quoted(value)}'" for name, value in options.items())
    env.execute_sql(f"CREATE TABLE {table} ({columns}) WITH (\n  {listed}\n)")


def quoted(value: str) -> str:
    """A value inside a SQL text literal."""
    return value.replace("'", "''")
