"""The table `instruments`, versioned: what Debezium has captured of reference.instruments, each version by its time.

How far it is known is told by the heartbeats among the changes, one a second (deploy/reference.py): what was committed
before a heartbeat is read before it. So the table's watermark is the time of the last heartbeat, less what two commits
may overtake each other by. It does not stand still when nobody changes an instrument, and it does when changes are not
captured any more: then trades wait instead of being joined with what is no longer true.

A heartbeat counts while it is fresh only. A job that starts, or goes on from a savepoint, first reads what is on the
topic: until it has come to its end nothing is joined, not even old trades, which a heartbeat of yesterday would let go.
"""

from typing import TYPE_CHECKING

from jobs import kafka
from jobs.settings import Settings
from schemas import topics

if TYPE_CHECKING:
    from pyflink.table import TableEnvironment

FRESH_S = 10
"""A heartbeat that is older by the cluster's clock says nothing: more has been captured since."""
OVERTAKING_S = 1
COLUMNS = f"""
    symbol STRING,
    valid_from TIMESTAMP_LTZ(3),
    `type` STRING,
    currency STRING,
    multiplier DECIMAL(38, 12),
    underlying STRING,
    expiry TIMESTAMP_LTZ(3),
    strike DECIMAL(38, 12),
    option_right STRING,
    source_table STRING METADATA FROM 'value.source.table' VIRTUAL,
    committed TIMESTAMP_LTZ(3) METADATA FROM 'value.source.timestamp' VIRTUAL,
    rt AS COALESCE(valid_from, TO_TIMESTAMP_LTZ(0, 3)),
    PRIMARY KEY (symbol) NOT ENFORCED,
    WATERMARK FOR rt AS CASE
        WHEN source_table = 'heartbeat' AND committed > CURRENT_TIMESTAMP - INTERVAL '{FRESH_S}' SECOND
        THEN committed - INTERVAL '{OVERTAKING_S}' SECOND
    END
"""
"""A row is a change of a version, or a heartbeat, which has no symbol. Of a symbol, a later `rt` takes over."""
FORMAT = {"value.format": "debezium-json", "value.debezium-json.timestamp-format.standard": "ISO-8601"}


def create(env: "TableEnvironment", job: str, settings: Settings) -> None:
    """Create the table `instruments`."""
    alone = {"scan.parallelism": "1"}  # a reader without a partition would have no watermark, for ever
    kafka.create(env, "instrument_changes", COLUMNS, kafka.source(job, topics.INSTRUMENTS, settings) | FORMAT | alone)
    env.execute_sql("CREATE VIEW instruments AS SELECT * FROM instrument_changes WHERE source_table = 'instruments'")
