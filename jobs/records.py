"""A step in Python, by symbol, whose rows are records for topics: the middle of reconcile and of quality."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from jobs.keyed import by_first_column

if TYPE_CHECKING:
    from pyflink.datastream import KeyedProcessFunction
    from pyflink.table import StatementSet, StreamTableEnvironment


def by_symbol(
    env: "StreamTableEnvironment",
    name: str,
    query: str,
    step: "KeyedProcessFunction",
    sinks: Iterable[tuple[str, str, str]],
) -> "StatementSet":
    """From the rows of a query, whose first column is the symbol, to the tables of `sinks`, as in jobs.kafka.

    The step emits (topic, symbol, encoded value, Kafka timestamp in ms). Its name and uid are `name`.
    """
    from pyflink.common import Types

    emitted = Types.ROW_NAMED(
        ["topic", "symbol", "value", "ts_ms"],
        [Types.STRING(), Types.STRING(), Types.PRIMITIVE_ARRAY(Types.BYTE()), Types.LONG()],
    )
    rows = env.to_data_stream(env.sql_query(query))
    records = by_first_column(rows, Types.STRING()).process(step, emitted).name(name).uid(name)
    env.create_temporary_view("records", records)
    inserts = env.create_statement_set()
    for table, topic, _ in sinks:
        inserts.add_insert_sql(f"""
            INSERT INTO {table}
            SELECT symbol, `value`, TO_TIMESTAMP_LTZ(ts_ms, 3) AS ts
            FROM records
            WHERE topic = '{topic}'
        """)
    return inserts
