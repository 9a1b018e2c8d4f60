"""The reconcile job: the only writer of revisions.

    late_trades ─ by symbol: recompute, roll up, compare ─┬─ revisions ──→ the candle topics
                                                          ├─ later than the horizon ──→ expired_trades
                                                          └─ what a reader should know ──→ quality_events

Rows of md.late.v1 are its triggers. What it needs to know of trades and candles it looks up when there is something to
do: no trigger, no work.
"""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobs import kafka, topics
from jobs.environment import run, with_functions
from jobs.settings import Settings, SettingsError

if TYPE_CHECKING:
    from pyflink.table import StatementSet, StreamTableEnvironment

NAME = "reconcile"


def define(env: "StreamTableEnvironment", settings: Settings) -> "StatementSet":
    """From the table `late_trades` to one table a topic that is written, named as in `kafka.revision_sinks`."""
    from pyflink.common import Types

    from jobs.reconciler import COLUMNS, Reconciler

    triggers = env.to_data_stream(env.sql_query("SELECT symbol, `value` FROM late_trades"))
    found = (
        triggers.key_by(lambda row: row[0], Types.STRING())
        .process(Reconciler(settings), Types.ROW_NAMED(*COLUMNS))
        .name(NAME)
        .uid(NAME)
    )
    env.create_temporary_view("found", found)
    inserts = env.create_statement_set()
    for table, topic, _ in kafka.revision_sinks(settings):
        inserts.add_insert_sql(f"""
            INSERT INTO {table}
            SELECT symbol, `value`, TO_TIMESTAMP_LTZ(ts_ms, 3) AS ts
            FROM found
            WHERE topic = '{topic}'
        """)
    return inserts


def main(arguments: Sequence[str]) -> None:
    """Run on Kafka, where missing topics are created first. The schemas must be registered there."""
    settings = Settings.from_arguments(arguments)
    topics.prepare(settings, NAME)
    env = with_functions(settings, f"tickloom-{NAME}")
    kafka.create_triggers(env, NAME, settings)
    kafka.create_encoded(env, NAME, settings, kafka.revision_sinks(settings))
    run(define(env, settings))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SettingsError as error:
        sys.exit(f"tickloom: {error}")
