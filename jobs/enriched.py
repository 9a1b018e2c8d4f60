"""The enrichment job: every valid trade with its instrument, as that was when the trade happened.

    ticks ───────┐
                 ├─ enriched_trades
    instruments ─┘

A trade waits until all versions are known that were committed before its time: see jobs/instruments.py.
"""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobs import instruments, kafka, topics
from jobs.environment import TICKS_COLUMNS, run_plan, streaming
from jobs.settings import Settings, SettingsError
from udfs import functions

if TYPE_CHECKING:
    from pyflink.table import StatementSet, TableEnvironment

NAME = "enriched"


def define(env: "TableEnvironment") -> "StatementSet":
    """The insert from the tables `ticks` and `instruments` into `enriched_trades`."""
    inserts = env.create_statement_set()
    inserts.add_insert_sql(f"""
        INSERT INTO enriched_trades
        SELECT
            tick.symbol,
            tick.venue,
            tick.trade_id,
            tick.`partition`,
            tick.`offset`,
            tick.ts_event,
            tick.price,
            tick.size,
            tick.action,
            tick.original_trade_id,
            tick.original_ts_event,
            {_nanoseconds("instrument.valid_from")},
            instrument.`type`,
            instrument.currency,
            instrument.multiplier,
            instrument.underlying,
            {_nanoseconds("instrument.expiry")},
            instrument.strike,
            instrument.option_right,
            contract_notional(tick.price, tick.size, instrument.multiplier),
            CASE WHEN instrument.valid_from IS NOT NULL THEN COALESCE(tick.rt >= instrument.expiry, FALSE) END
        FROM ticks AS tick
        LEFT JOIN instruments FOR SYSTEM_TIME AS OF tick.rt AS instrument
            ON tick.symbol = instrument.symbol
    """)
    return inserts


def _nanoseconds(time: str) -> str:
    """Since the epoch, of a time with milliseconds."""
    return f"(EXTRACT(EPOCH FROM {time}) * 1000 + EXTRACT(MILLISECOND FROM {time})) * 1000000"


def main(arguments: Sequence[str]) -> None:
    """Run on Kafka, where missing topics are created first. The schemas must be registered there."""
    settings = Settings.from_arguments(arguments)
    topics.prepare(settings, NAME)
    env = streaming(settings, f"tickloom-{NAME}")
    functions.register(env)
    kafka.create(env, "ticks", TICKS_COLUMNS, kafka.trades_source(NAME, settings) | {"emit": "ticks"})
    instruments.create(env, NAME, settings)
    kafka.create_sinks(env, NAME, kafka.enriched_sinks(), settings)
    run_plan(env, define(env), settings)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SettingsError as error:
        sys.exit(f"tickloom: {error}")
