"""The bar job: activity bars of every symbol, one topic a kind, as udfs/bars.py defines them.

    bars ─┬─ bars_<kind>
          └─ late_ticks

The rows come from the connector: trades wait for the watermark, are put in the order of their events, and sampled. What
cannot be in a bar any more, a late trade, a cancel or a correction, is counted as a row of its own.
"""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobs import kafka, topics
from jobs.environment import BARS_COLUMNS, run_plan, streaming
from jobs.settings import Settings, SettingsError

if TYPE_CHECKING:
    from pyflink.table import StatementSet, TableEnvironment

NAME = "bars"


def define(env: "TableEnvironment", kinds: Sequence[str]) -> "StatementSet":
    """Inserts from the table `bars` into `bars_<kind>` and `late_ticks`."""
    inserts = env.create_statement_set()
    for kind in kinds:
        inserts.add_insert_sql(f"INSERT INTO bars_{kind} SELECT bar.* FROM bars WHERE bar.kind = '{kind}'")
    inserts.add_insert_sql("INSERT INTO late_ticks SELECT late.* FROM bars WHERE late IS NOT NULL")
    return inserts


def create_bars(env: "TableEnvironment", settings: Settings, source: dict[str, str]) -> None:
    """Create the table `bars` on a source of trades: options of the `tickloom` connector."""
    sampling = {
        "emit": "bars",
        "bars": ";".join(settings.bars),
        "bar-span-ticks": str(settings.bar_span_ticks),
        "bar-span-bars": str(settings.bar_span_bars),
    }
    kafka.create(env, "bars", BARS_COLUMNS, source | sampling)


def main(arguments: Sequence[str]) -> None:
    """Run on Kafka, where missing topics are created first. The schemas must be registered there."""
    settings = Settings.from_arguments(arguments)
    topics.prepare(settings, NAME)
    env = streaming(settings, f"tickloom-{NAME}")
    create_bars(env, settings, kafka.trades_source(NAME, settings))
    kafka.create_sinks(env, NAME, kafka.bar_sinks(settings), settings)
    run_plan(env, define(env, settings.bar_kinds), settings)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SettingsError as error:
        sys.exit(f"tickloom: {error}")
