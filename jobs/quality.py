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

from jobs import kafka, topics
from jobs.environment import run, with_functions
from jobs.settings import Settings, SettingsError

if TYPE_CHECKING:
    from pyflink.table import StatementSet, StreamTableEnvironment

NAME = "quality"
FACTS = """
    SELECT symbol, 'second' AS kind, CAST(NULL AS STRING) AS venue, CAST(NULL AS STRING) AS detail,
      window_start AS ts, window_end AS `until`,
      CAST(NULL AS BIGINT) AS first_number, CAST(NULL AS BIGINT) AS last_number, revision, accumulator
    FROM seconds
    WHERE accumulator IS NOT NULL
    UNION ALL
    SELECT symbol, 'minute', NULL, NULL, window_start, window_end, NULL, NULL, revision, accumulator
    FROM minutes
    WHERE accumulator IS NOT NULL
    UNION ALL
    SELECT symbol, 'run', venue, NULL, first_ts_event, last_ts_event, first_sequence, last_sequence, NULL, NULL
    FROM runs
    WHERE unknown_condition IS NULL
    UNION ALL
    SELECT symbol, 'unknown_condition', venue, unknown_condition, first_ts_event, NULL, NULL, NULL, NULL, NULL
    FROM runs
    WHERE unknown_condition IS NOT NULL
    UNION ALL
    SELECT COALESCE(symbol, ''), severity, NULL, rule, ts_kafka, NULL, NULL, NULL, NULL, NULL
    FROM rejected_trades
    WHERE ts_kafka IS NOT NULL
    UNION ALL
    SELECT symbol, 'late', venue, NULL, `second`, NULL, trades, NULL, NULL, NULL
    FROM late_trades
    WHERE reason = 'late'
"""
REFERENCE = """
    UNION ALL
    SELECT symbol, 'reference', NULL,
      CONCAT(
        COALESCE(CAST(`open` AS STRING), ''), '|', COALESCE(CAST(high AS STRING), ''), '|',
        COALESCE(CAST(low AS STRING), ''), '|', COALESCE(CAST(`close` AS STRING), ''), '|', CAST(volume AS STRING)
      ),
      window_start, window_end, NULL, NULL, revision, NULL
    FROM reference_minutes
"""
"""What is known of a symbol, each fact with its time `ts` in nanoseconds."""


def define(env: "StreamTableEnvironment", settings: Settings) -> "StatementSet":
    """From the tables that FACTS names to `quality` and `quality_events`, whose records are encoded."""
    from pyflink.common import Types

    from jobs.assessor import Assessor
    from jobs.reconciler import COLUMNS

    facts = env.sql_query(FACTS + (REFERENCE if settings.reference_topic else ""))
    assessed = (
        env.to_data_stream(facts)
        .key_by(lambda row: row[0], Types.STRING())
        .process(Assessor(settings), Types.ROW_NAMED(*COLUMNS))
        .name(NAME)
        .uid(NAME)
    )
    env.create_temporary_view("assessed", assessed)
    inserts = env.create_statement_set()
    for table, topic, _ in kafka.quality_sinks():
        inserts.add_insert_sql(f"""
            INSERT INTO {table}
            SELECT symbol, `value`, TO_TIMESTAMP_LTZ(ts_ms, 3) AS ts
            FROM assessed
            WHERE topic = '{topic}'
        """)
    return inserts


def main(arguments: Sequence[str]) -> None:
    """Run on Kafka, where missing topics are created first. The schemas must be registered there."""
    settings = Settings.from_arguments(arguments)
    topics.prepare(settings, [*kafka.candle_sinks(settings), *kafka.quality_sinks()])
    env = with_functions(settings, f"tickloom-{NAME}")
    kafka.create_facts(env, NAME, settings)
    kafka.create_encoded(env, NAME, settings, kafka.quality_sinks())
    run(define(env, settings))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SettingsError as error:
        sys.exit(f"tickloom: {error}")
