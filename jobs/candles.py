"""The candle job: trades folded to one-second accumulators, rolled up, one table a resolution.

    trades ─┬─ 1s ─→ candles_1s
            │   └─ 1m ─→ candles_1m
            │       └─ 5m … 1d ─→ candles_1d
            │   (with steps: candles_1m_updating, candles_5m_every_1m)
            ├─ rejected_trades
            └─ late_trades

`define` is the topology; where its tables lead (Kafka, files) is wired by the caller.
"""

import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from jobs import kafka, topics, windows
from jobs.environment import run_plan, streaming
from jobs.periods import ALWAYS, Period
from jobs.settings import Settings, SettingsError
from schemas import resolutions as lengths
from udfs import functions

if TYPE_CHECKING:
    from pyflink.table import StatementSet, TableEnvironment

NAME = "candles"


def define(
    env: "TableEnvironment",
    resolutions: Sequence[str],
    *,
    updating: Sequence[str] = (),
    sliding: Sequence[str] = (),
    period: Period = ALWAYS,
    stamped: bool = True,
) -> "StatementSet":
    """Views and inserts between the tables `trades`, `candles_<resolution>`, `rejected_trades` and `late_trades`.

    `updating` and `sliding` are those of the settings; of everything, what lies in the `period` is published. The
    candle tables have a last column `ts`, the time of the record, when they are `stamped`.
    """
    functions.register(env)
    inserts = env.create_statement_set()

    env.execute_sql("""
        CREATE TEMPORARY VIEW accumulators_1s AS
        SELECT symbol, candle, rt
        FROM trades
        WHERE candle IS NOT NULL
    """)
    for shorter, longer in pairwise(resolutions):
        env.execute_sql(f"""
            CREATE TEMPORARY VIEW accumulators_{longer} AS
            SELECT symbol, {functions.merge(longer)}(candle) AS candle, window_time AS rt
            FROM TABLE(TUMBLE(TABLE accumulators_{shorter}, DESCRIPTOR(rt), {lengths.interval(longer)}))
            GROUP BY symbol, window_start, window_end, window_time
        """)
    for resolution in resolutions:
        inserts.add_insert_sql(publish(resolution, period, stamped=stamped))

    inserts.add_insert_sql(f"""
        INSERT INTO rejected_trades
        SELECT rejected.* FROM trades WHERE rejected IS NOT NULL AND {period.holds("COALESCE(rejected.ts_kafka, 0)")}
    """)
    inserts.add_insert_sql(f"""
        INSERT INTO late_trades
        SELECT late.* FROM trades WHERE late IS NOT NULL AND {period.holds("late.`second`")}
    """)
    for table, length, rows in windows.stepped(updating, sliding, resolutions):
        inserts.add_insert_sql(insert(table, length, rows, period, stamped=stamped))
    return inserts


def publish(resolution: str, period: Period = ALWAYS, *, stamped: bool) -> str:
    """The closed candles of a resolution."""
    length_ns = lengths.seconds(resolution) * 1_000_000_000
    rows = f"""
        SELECT symbol, candle, candle.first_ts_event - MOD(candle.first_ts_event, {length_ns}) AS window_start,
          0 AS revision, CAST(NULL AS STRING) AS revision_reason, rt
        FROM accumulators_{resolution}
    """
    return insert(kafka.candle_table(resolution), resolution, rows, period, stamped=stamped)


def insert(table: str, resolution: str, rows: str, period: Period, *, stamped: bool) -> str:
    """The projection of an accumulator to the published candle: the only place where anything is rounded."""
    stamp = ", rt AS ts" if stamped else ""
    length_ns = lengths.seconds(resolution) * 1_000_000_000
    return f"""
        INSERT INTO {table}
        SELECT
          symbol,
          '{resolution}' AS resolution,
          window_start,
          window_start + {length_ns} AS window_end,
          candle.`open`,
          candle.high,
          candle.low,
          candle.`close`,
          candle.volume,
          vwap(candle.notional, candle.volume) AS vwap,
          exact_notional(candle.notional) AS notional,
          candle.trade_count,
          candle.duplicate_count,
          candle.first_ts_event,
          candle.last_ts_event,
          candle.covered_from <= window_start / 1000000 AS complete,
          revision,
          revision_reason,
          candle.state AS accumulator{stamp}
        FROM ({rows})
        WHERE {period.holds("window_start")}
    """


def main(arguments: Sequence[str]) -> None:
    """Run on Kafka, where missing topics are created first. The schemas must be registered there."""
    settings = Settings.from_arguments(arguments)
    topics.prepare(settings, NAME)
    env = streaming(settings, f"tickloom-{NAME}")
    kafka.create_trades(env, settings)
    kafka.create_candles(env, NAME, settings)
    inserts = define(
        env, settings.resolutions, updating=settings.updating, sliding=settings.sliding, period=settings.period
    )
    run_plan(env, inserts, settings)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SettingsError as error:
        sys.exit(f"tickloom: {error}")
