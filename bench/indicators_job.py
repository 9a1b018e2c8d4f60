"""Indicators and anomalies in Python, keyed and with state: a bar at a time, or all that end together. By `flink run`.

Arguments: a JSON object with `bars`, `symbols`, `mode` (of running Python), `together` (all bars that end together) and
`out` (a folder for the anomalies).
"""

import json
import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.moments import CLOSE, Moments, MomentsOfMany, judged
from jobs.environment import python_jars
from jobs.keyed import by_first_column

if TYPE_CHECKING:
    from pyflink.datastream import DataStream, KeyedProcessFunction
    from pyflink.table import StreamTableEnvironment

ROOT = Path(__file__).parents[1]
PARTS = 2
"""Of the symbols, when bars come together: the step in Python has as many tasks."""


def each() -> "KeyedProcessFunction":
    """The step in Python, by symbol: (symbol, number, close) in, what is told of the bar out."""
    from pyflink.common import Row, Types
    from pyflink.datastream import KeyedProcessFunction, RuntimeContext
    from pyflink.datastream.state import ValueStateDescriptor

    class Watch(KeyedProcessFunction):  # type: ignore[misc]
        def open(self, runtime_context: RuntimeContext) -> None:
            self.moments = runtime_context.get_state(ValueStateDescriptor("moments", Types.PICKLED_BYTE_ARRAY()))

        def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
            judgement = judged(self.moments.value() or Moments(), value[2])
            self.moments.update(judgement.after)
            yield Row(value[0], value[1], judgement.average, judgement.deviation, judgement.anomaly)

    return Watch()


def all_together() -> "KeyedProcessFunction":
    """The step in Python, by part of the symbols: (part, number, symbols, closes) in, as many of what is told out."""
    from pyflink.common import Row, Types
    from pyflink.datastream import KeyedProcessFunction, RuntimeContext
    from pyflink.datastream.state import ValueStateDescriptor

    class Watch(KeyedProcessFunction):  # type: ignore[misc]
        def open(self, runtime_context: RuntimeContext) -> None:
            self.moments = runtime_context.get_state(ValueStateDescriptor("moments", Types.PICKLED_BYTE_ARRAY()))

        def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
            moments = self.moments.value() or MomentsOfMany()
            told = moments.judge(value[2], value[3])
            self.moments.update(moments)
            yield Row(value[1], value[2], *told)

    return Watch()


def judged_each(env: "StreamTableEnvironment") -> "DataStream":
    """(symbol, number, average, deviation, anomaly) of every bar, one at a time through Python."""
    from pyflink.common import Types

    bars = env.to_data_stream(env.sql_query("SELECT symbol, number, `close` FROM bars"))
    told = [Types.INT(), Types.LONG(), Types.DOUBLE(), Types.DOUBLE(), Types.BOOLEAN()]
    names = ["symbol", "number", "average", "deviation", "anomaly"]
    return by_first_column(bars, Types.INT()).process(each(), Types.ROW_NAMED(names, told)).set_parallelism(PARTS)


def judged_together(env: "StreamTableEnvironment") -> "DataStream":
    """As many of each, as arrays, for the bars that end together."""
    from pyflink.common import Types

    bars = env.to_data_stream(
        env.sql_query(f"""
            SELECT MOD(symbol, {PARTS}) AS part, MIN(number) AS number, ARRAY_AGG(symbol), ARRAY_AGG(`close`)
            FROM TUMBLE(TABLE bars, DESCRIPTOR(ended), INTERVAL '1' SECOND)
            GROUP BY window_start, window_end, MOD(symbol, {PARTS})
        """)
    )
    told = [Types.INT(), Types.DOUBLE(), Types.DOUBLE(), Types.INT()]
    names = ["number", "symbols", "averages", "deviations", "anomalies"]
    row = Types.ROW_NAMED(names, [Types.LONG(), *map(Types.OBJECT_ARRAY, told)])
    return by_first_column(bars, Types.INT()).process(all_together(), row).set_parallelism(PARTS)


def main(bars: int, symbols: int, mode: str, together: bool, out: str) -> None:
    """Submit the job: it ends with the last bar."""
    from pyflink.common import WatermarkStrategy
    from pyflink.datastream import StreamExecutionEnvironment
    from pyflink.datastream.connectors.number_seq import NumberSequenceSource
    from pyflink.table import Schema, StreamTableEnvironment

    stream = StreamExecutionEnvironment.get_execution_environment()
    stream.set_parallelism(1)  # bars come in their order; the step in Python alone is spread
    env = StreamTableEnvironment.create(stream)
    configure(env, mode)
    numbers = stream.from_source(NumberSequenceSource(0, bars - 1), WatermarkStrategy.no_watermarks(), "numbers")
    made = Schema.new_builder().column("f0", "BIGINT")
    made.column_by_expression("ended", f"TO_TIMESTAMP_LTZ(f0 / {symbols} * 1000, 3)").watermark("ended", "ended")
    env.create_temporary_view("numbers", env.from_data_stream(numbers, made.build()))
    env.execute_sql(f"""
        CREATE TEMPORARY VIEW bars AS
        SELECT CAST(MOD(n, {symbols}) AS INT) AS symbol, n / {symbols} AS number,
            CAST({CLOSE} AS DOUBLE) AS `close`, ended
        FROM (SELECT f0 AS n, ended FROM numbers)
    """)
    env.create_temporary_view("told", env.from_data_stream((judged_together if together else judged_each)(env)))
    env.execute_sql(f"""
        CREATE TEMPORARY TABLE anomalies (symbol INT, number BIGINT, average DOUBLE)
        WITH ('connector' = 'filesystem', 'path' = '{out}', 'format' = 'csv')
    """)
    env.execute_sql(f"INSERT INTO anomalies {FLAT if together else EACH}")


EACH = "SELECT symbol, number, average FROM told WHERE anomaly"
FLAT = """
    SELECT symbols[place], number, averages[place]
    FROM told CROSS JOIN UNNEST(anomalies) AS anomaly (place)
"""


def configure(env: "StreamTableEnvironment", mode: str) -> None:
    """Whole bundles of bars go to Python, as what reads a backlog wants, and no failure is hidden."""
    for name, value in {
        "pipeline.name": f"indicators-{mode}",
        "pipeline.jars": ";".join(
            jar.as_uri() for jar in [*map(Path, os.environ["TICKLOOM_JARS"].split(",")), *python_jars()]
        ),
        "execution.checkpointing.interval": "10 s",
        "restart-strategy.type": "none",
        "python.execution-mode": mode,
        "python.pythonpath": f"{sysconfig.get_path('purelib')}:{ROOT}",  # Python in a thread knows of no environment
        "python.fn-execution.bundle.size": "100000",
        "table.local-time-zone": "UTC",
    }.items():
        env.get_config().set(name, value)


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
