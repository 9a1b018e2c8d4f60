"""The session job: candles of trading sessions and the status of markets, from one-minute candles.

    minutes ─→ by symbol: sessions (Python) ─┬─ candles_session
                                             ├─ candles_extended
                                             ├─ candles_day
                                             └─ market_status

Sessions do not start on the hour, so the calendar of each symbol's market decides. `define` is the topology; where
its tables lead is wired by the caller.
"""

import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from jobs import kafka, topics
from jobs.environment import run, with_functions
from jobs.keyed import by_first_column
from jobs.settings import Settings, SettingsError, milliseconds
from schemas import ddl
from schemas.resolutions import SESSIONS

if TYPE_CHECKING:
    from pyflink.datastream import DataStream
    from pyflink.table import StatementSet, StreamTableEnvironment

NAME = "sessions"


def define(env: "StreamTableEnvironment", settings: Settings) -> "StatementSet":
    """Views and inserts between the tables `minutes`, `candles_<resolution>` and `market_status`."""
    from pyflink.common import Types

    from udfs.flink_rows import row_type
    from udfs.session_function import STATUS, SessionFunction

    # What was written before candles carried their accumulator cannot be merged.
    minutes = env.sql_query("""
        SELECT symbol, window_start, window_end, revision, revision_reason, accumulator, rt
        FROM minutes
        WHERE accumulator IS NOT NULL
    """)
    function = SessionFunction(
        settings.calendars, nanoseconds(settings.session_horizon), nanoseconds(settings.silent_after)
    )
    candles = (
        by_first_column(env.to_data_stream(minutes), Types.STRING())
        .process(function, output_type=row_type("candle"))
        .name(NAME)
        .uid(NAME)
    )
    view(env, "session_candles", candles, "candle")
    view(env, "market_changes", candles.get_side_output(STATUS), "market_status")

    inserts = env.create_statement_set()
    for resolution in SESSIONS:
        inserts.add_insert_sql(f"""
            INSERT INTO candles_{resolution}
            SELECT *, TO_TIMESTAMP_LTZ(window_end / 1000000 - 1, 3) AS ts
            FROM session_candles
            WHERE resolution = '{resolution}'
        """)
    inserts.add_insert_sql("INSERT INTO market_status SELECT * FROM market_changes")
    return inserts


def view(env: "StreamTableEnvironment", name: str, stream: "DataStream", schema: str) -> None:
    """Register a stream of rows under a name, with the column types of schemas/<schema>.avsc."""
    from pyflink.table import Schema

    columns = Schema.new_builder()
    for column, sql in ddl.types(schema).items():
        columns.column(column, sql)
    env.create_temporary_view(name, env.from_data_stream(stream, columns.build()))


def nanoseconds(duration: timedelta) -> int:
    """A duration in nanoseconds."""
    return milliseconds(duration) * 1_000_000


def main(arguments: Sequence[str]) -> None:
    """Run on Kafka, where missing topics are created first. The schemas must be registered there."""
    settings = Settings.from_arguments(arguments)
    topics.prepare(settings, NAME)
    env = with_functions(settings, f"tickloom-{NAME}")
    kafka.create_minutes(env, NAME, settings)
    kafka.create_sessions(env, NAME, settings)
    run(define(env, settings))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SettingsError as error:
        sys.exit(f"tickloom: {error}")
