"""The quote job: the best bid and offer of an instrument at all its venues, as candles.

    quotes ─┬─ quotes_<resolution>
            └─ rejected_quotes

The rows come from the connector: quotes wait for the watermark, are put in the order of their events, and change what
is best of all venues. A candle has its prices, the spread weighted by time, and how long it was locked or crossed.
"""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobs import kafka, topics
from jobs.environment import run_plan, streaming
from jobs.settings import Settings, SettingsError

if TYPE_CHECKING:
    from pyflink.table import StatementSet, TableEnvironment

NAME = "quotes"


def define(env: "TableEnvironment", resolutions: Sequence[str]) -> "StatementSet":
    """Inserts from the table `quotes` into `quotes_<resolution>` and `rejected_quotes`."""
    inserts = env.create_statement_set()
    for resolution in resolutions:
        inserts.add_insert_sql(f"""
            INSERT INTO quotes_{resolution}
            SELECT candle.*, rt AS ts FROM quotes WHERE candle.resolution = '{resolution}'
        """)
    inserts.add_insert_sql("INSERT INTO rejected_quotes SELECT rejected.* FROM quotes WHERE rejected IS NOT NULL")
    return inserts


def main(arguments: Sequence[str]) -> None:
    """Run on Kafka, where missing topics are created first. The schemas must be registered there."""
    settings = Settings.from_arguments(arguments)
    topics.prepare(settings, NAME)
    env = streaming(settings, f"tickloom-{NAME}")
    kafka.create_quotes(env, NAME, settings)
    kafka.create_sinks(env, NAME, kafka.quote_sinks(settings), settings)
    run_plan(env, define(env, settings.resolutions), settings)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SettingsError as error:
        sys.exit(f"tickloom: {error}")
