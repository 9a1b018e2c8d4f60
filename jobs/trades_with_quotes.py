"""Every trade with the quote in force at its time, who took, what it cost, and the order flow of windows.

    quoted_trades ─┬─ trades_with_quotes
                   ├─ flow_<resolution>
                   └─ rejected_records

The rows come from the connector: trades and quotes wait for the watermark of both and are taken in the order of their
events. A trade is told once it is known what the quote came to be.
"""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobs import kafka, topics
from jobs.environment import run_plan, streaming
from jobs.settings import Settings, SettingsError

if TYPE_CHECKING:
    from pyflink.table import StatementSet, TableEnvironment

NAME = "trades_with_quotes"


def define(env: "TableEnvironment", resolutions: Sequence[str]) -> "StatementSet":
    """Inserts from the table `quoted_trades` into `trades_with_quotes`, `flow_<resolution>` and `rejected_records`."""
    inserts = env.create_statement_set()
    inserts.add_insert_sql("""
        INSERT INTO trades_with_quotes
        SELECT trade.*, rt AS ts FROM quoted_trades WHERE trade IS NOT NULL
    """)
    for resolution in resolutions:
        inserts.add_insert_sql(f"""
            INSERT INTO flow_{resolution}
            SELECT flow.*, rt AS ts FROM quoted_trades WHERE flow.resolution = '{resolution}'
        """)
    inserts.add_insert_sql("""
        INSERT INTO rejected_records
        SELECT rejected.* FROM quoted_trades WHERE rejected IS NOT NULL
    """)
    return inserts


def main(arguments: Sequence[str]) -> None:
    """Run on Kafka, where missing topics are created first. The schemas must be registered there."""
    settings = Settings.from_arguments(arguments)
    topics.prepare(settings, NAME)
    env = streaming(settings, f"tickloom-{NAME}")
    kafka.create_quoted_trades(env, NAME, settings)
    kafka.create_sinks(env, NAME, kafka.quoted_sinks(settings), settings)
    run_plan(env, define(env, settings.resolutions), settings)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SettingsError as error:
        sys.exit(f"tickloom: {error}")
