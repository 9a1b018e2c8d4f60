"""Indicators and anomalies in Python, a bar at a time, keyed by symbol and with state. Run by `flink run`.

Arguments: a JSON object with `bars`, `symbols`, `mode` (of running Python) and `out` (a folder for the anomalies).
"""

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bench.moments import CLOSE, Moments, judged

if TYPE_CHECKING:
    from pyflink.datastream import KeyedProcessFunction


def watch() -> "KeyedProcessFunction":
    """The step in Python."""
    from pyflink.common import Row, Types
    from pyflink.datastream import KeyedProcessFunction, RuntimeContext
    from pyflink.datastream.state import ValueStateDescriptor

    class Watch(KeyedProcessFunction):  # type: ignore[misc]
        def open(self, runtime_context: RuntimeContext) -> None:
            moments = ValueStateDescriptor("moments", Types.PICKLED_BYTE_ARRAY())
            self.moments = runtime_context.get_state(moments)

        def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
            moments = self.moments.value() or Moments()
            judgement = judged(moments, value[2])
            self.moments.update(judgement.after)
            yield Row(value[0], value[1], judgement.average, judgement.deviation, judgement.anomaly)

    return Watch()


def main(bars: int, symbols: int, mode: str, out: str) -> None:
    """Submit the job: it ends with the last bar."""
    from pyflink.common import Types, WatermarkStrategy
    from pyflink.datastream import StreamExecutionEnvironment
    from pyflink.datastream.connectors.number_seq import NumberSequenceSource
    from pyflink.table import StreamTableEnvironment

    env = StreamExecutionEnvironment.get_execution_environment()
    env.set_parallelism(1)  # bars come in their order; the step in Python alone is spread
    tables = StreamTableEnvironment.create(env)
    config = tables.get_config()
    config.set("python.execution-mode", mode)
    config.set("pipeline.name", f"indicators-{mode}")
    config.set("execution.checkpointing.interval", "10 s")
    numbers = env.from_source(NumberSequenceSource(0, bars - 1), WatermarkStrategy.no_watermarks(), "numbers")
    tables.create_temporary_view("numbers", tables.from_data_stream(numbers).alias("n"))
    made = tables.sql_query(f"""
        SELECT CAST(MOD(n, {symbols}) AS INT) AS symbol, n / {symbols} AS number, CAST({CLOSE} AS DOUBLE) AS `close`
        FROM numbers
    """)
    names, types = (
        ["symbol", "number", "average", "deviation", "anomaly"],
        [Types.INT(), Types.LONG(), Types.DOUBLE(), Types.DOUBLE(), Types.BOOLEAN()],
    )
    found = (
        tables.to_data_stream(made)
        .key_by(lambda bar: bar[0], key_type=Types.INT())
        .process(watch(), output_type=Types.ROW_NAMED(names, types))
        .set_parallelism(2)
    )
    tables.create_temporary_view("found", tables.from_data_stream(found))
    tables.execute_sql(f"""
        CREATE TEMPORARY TABLE anomalies (symbol INT, number BIGINT, average DOUBLE)
        WITH ('connector' = 'filesystem', 'path' = '{out}', 'format' = 'csv')
    """)
    tables.execute_sql("INSERT INTO anomalies SELECT symbol, number, average FROM found WHERE anomaly")


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
