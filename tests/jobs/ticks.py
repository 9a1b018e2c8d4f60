"""A job that needs every trade: writes the ticks of a CSV file as CSV. Arguments: input file, output folder."""

import sys

from jobs.environment import TICKS_COLUMNS, bounded
from jobs.kafka import create
from jobs.settings import Settings
from udfs import rules


def main(trades: str, out: str) -> None:
    """Run to the end of the file."""
    env = bounded(Settings.load(), "test-ticks")
    create(
        env,
        "ticks",
        TICKS_COLUMNS,
        {"connector": "tickloom", "emit": "ticks", "rules": rules.load().for_connector(), "files": trades},
    )
    env.execute_sql(f"""
        CREATE TABLE written (line BIGINT, symbol STRING, price STRING, conditions STRING, event_time STRING)
        WITH ('connector' = 'filesystem', 'path' = 'file://{out}', 'format' = 'csv')
    """)
    env.execute_sql("""
        INSERT INTO written
        SELECT `offset`, symbol, CAST(price AS STRING), ARRAY_JOIN(conditions, '+'), CAST(rt AS STRING)
        FROM ticks
    """).wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
