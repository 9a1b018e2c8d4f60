"""The same 1s candles in stock Flink SQL, written the way its documentation suggests. Run by `flink run`.

Arguments: a JSON object with `brokers`, `registry`, `trades` and `candles` (topics), `prefix` (of transactional ids),
`jars` (paths) and `checkpoint_interval_ms`.
"""

import json
import sys
from pathlib import Path

from jobs.kafka import create


def main(
    brokers: str, registry: str, trades: str, candles: str, prefix: str, jars: list[str], checkpoint_interval_ms: int
) -> None:
    """Submit the job: from the first trade to the end of the topic as it is now."""
    from pyflink.table import EnvironmentSettings, TableEnvironment

    env = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    config = env.get_config()
    config.set("pipeline.name", "stock-candles")
    config.set("pipeline.jars", ";".join(Path(jar).as_uri() for jar in jars))
    config.set("parallelism.default", "2")
    config.set("execution.checkpointing.interval", f"{checkpoint_interval_ms} ms")
    config.set("table.local-time-zone", "UTC")
    kafka = {"connector": "kafka", "properties.bootstrap.servers": brokers}
    create(
        env,
        "trades",
        """
        symbol STRING NOT NULL,
        ts_event BIGINT NOT NULL,
        price DECIMAL(38, 12) NOT NULL,
        size DECIMAL(38, 12) NOT NULL,
        rt AS TO_TIMESTAMP_LTZ(ts_event / 1000000, 3),
        WATERMARK FOR rt AS rt - INTERVAL '2' SECOND
        """,
        {
            **kafka,
            "topic": trades,
            "scan.startup.mode": "earliest-offset",
            "scan.bounded.mode": "latest-offset",
            "format": "avro-confluent",
            "avro-confluent.url": registry,
        },
    )
    create(
        env,
        "candles",
        """
        symbol STRING NOT NULL,
        window_start TIMESTAMP(3) NOT NULL,
        `open` DECIMAL(38, 12) NOT NULL,
        high DECIMAL(38, 12) NOT NULL,
        low DECIMAL(38, 12) NOT NULL,
        `close` DECIMAL(38, 12) NOT NULL,
        volume DECIMAL(38, 12) NOT NULL,
        trade_count BIGINT NOT NULL
        """,
        {
            **kafka,
            "topic": candles,
            "key.format": "raw",
            "key.fields": "symbol",
            "value.format": "avro-confluent",
            "value.avro-confluent.url": registry,
            "value.avro-confluent.subject": f"{candles}-value",
            "sink.delivery-guarantee": "exactly-once",
            "sink.transactional-id-prefix": prefix,
            "sink.transaction-naming-strategy": "POOLING",
            "properties.transaction.timeout.ms": "900000",
        },
    )
    env.execute_sql("""
        INSERT INTO candles
        SELECT
          symbol,
          window_start,
          FIRST_VALUE(price) AS `open`,
          MAX(price) AS high,
          MIN(price) AS low,
          LAST_VALUE(price) AS `close`,
          SUM(size) AS volume,
          COUNT(*) AS trade_count
        FROM TABLE(TUMBLE(TABLE trades, DESCRIPTOR(rt), INTERVAL '1' SECOND))
        GROUP BY symbol, window_start, window_end
    """)


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
