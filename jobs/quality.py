"""The quality job: how good each minute of each symbol is, and the gaps in the numbering of its feed.

    runs of trades ──┐
    seconds, minutes ┤
    rejected trades ─┼─ by symbol: assess (Python) ─┬─ quality
    late trades ─────┤                              └─ quality_events
    (reference) ─────┘

It reads what the other jobs have committed and, once more, the trades, for their numbers.
"""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobs import kafka, records, topics
from jobs.environment import run, with_functions
from jobs.settings import Settings, SettingsError
from udfs.quality import COMPARED

if TYPE_CHECKING:
    from pyflink.table import StatementSet, StreamTableEnvironment

NAME = "quality"
COLUMNS = {
    "symbol": "STRING",
    "kind": "STRING",
    "venue": "STRING",
    "detail": "STRING",
    "ts": "BIGINT",
    "until": "BIGINT",
    "first_number": "BIGINT",
    "last_number": "BIGINT",
    "revision": "INT",
    "accumulator": "BYTES",
}
"""Of a fact: `ts` is its time and `until` the time at which it ends, both in nanoseconds."""
CANDLE = {"ts": "window_start", "revision": "revision", "accumulator": "accumulator"}
RUN = {
    "venue": "venue",
    "ts": "first_ts_event",
    "until": "last_ts_event",
    "first_number": "first_sequence",
    "last_number": "last_sequence",
}
JOINED = " || '|' || ".join(f"COALESCE(CAST(`{name}` AS STRING), '')" for name in COMPARED)


def fact(kind: str, table: str, condition: str = "TRUE", **columns: str) -> str:
    """The rows of a table as facts of a kind; columns that are not named are null."""
    given = {"symbol": "symbol", "kind": kind, **columns}
    listed = ", ".join(f"CAST({given.get(name, 'NULL')} AS {sql}) AS `{name}`" for name, sql in COLUMNS.items())
    return f"SELECT {listed} FROM {table} WHERE {condition}"


def facts(settings: Settings) -> str:
    """All that is known of the symbols."""
    found = [
        fact("'second'", "seconds", "accumulator IS NOT NULL", **CANDLE),
        fact("'minute'", "minutes", "accumulator IS NOT NULL", **CANDLE),
        fact("'run'", "runs", "unknown_condition IS NULL", **RUN),
        fact("'unknown_condition'", "runs", "unknown_condition IS NOT NULL", **RUN, detail="unknown_condition"),
        fact("severity", "rejected_trades", "ts_kafka IS NOT NULL", symbol="COALESCE(symbol, '')", ts="ts_kafka"),
        fact("'late'", "late_trades", "reason = 'late'", ts="`second`", first_number="trades"),
    ]
    if settings.reference_topic:
        found.append(fact("'reference'", "reference_minutes", ts="window_start", detail=JOINED))
    return " UNION ALL ".join(found)


def define(env: "StreamTableEnvironment", settings: Settings) -> "StatementSet":
    """From the tables of `facts` to `quality` and `quality_events`, whose records are encoded."""
    from jobs.assessor import Assessor

    return records.by_symbol(env, NAME, facts(settings), Assessor(settings), kafka.quality_sinks())


def main(arguments: Sequence[str]) -> None:
    """Run on Kafka, where missing topics are created first. The schemas must be registered there."""
    settings = Settings.from_arguments(arguments)
    topics.prepare(settings, NAME)
    env = with_functions(settings, f"tickloom-{NAME}")
    kafka.create_facts(env, NAME, settings)
    kafka.create_encoded(env, NAME, settings, kafka.quality_sinks())
    run(define(env, settings))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SettingsError as error:
        sys.exit(f"tickloom: {error}")
