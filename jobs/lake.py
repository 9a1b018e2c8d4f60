"""The lake job: what is committed on Kafka, kept as Iceberg tables.

    trades (valid ones) ─→ md.trades
    candles, every revision ─→ md.candles
    rejected trades ─→ md.rejected

A commit to a table is a snapshot of it, so this job's checkpoints are minutes apart. Rows are appended only.
"""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobs import kafka
from jobs.continuity import Continuity
from jobs.environment import TICKS_COLUMNS, run, streaming
from jobs.settings import Settings, SettingsError
from jobs.topics import prepare
from schemas import ddl, lake, topics
from schemas.lake import CANDLES, CATALOG, REJECTED, TRADES, LakeTable

if TYPE_CHECKING:
    from pyflink.table import StatementSet, TableEnvironment

NAME = "lake"
PLACE_COLUMNS = """
    kafka_partition INT NOT NULL METADATA FROM 'partition' VIRTUAL,
    kafka_offset BIGINT NOT NULL METADATA FROM 'offset' VIRTUAL
"""
PLACE_OF_TICK = ("`partition`", "`offset`")


def define(env: "TableEnvironment") -> "StatementSet":
    """Inserts from the tables `ticks`, `candles` and `rejected_trades` into those of the lake."""
    inserts = env.create_statement_set()
    inserts.add_insert_sql(insert(TRADES, "ticks", PLACE_OF_TICK))
    inserts.add_insert_sql(insert(CANDLES, "candles"))
    inserts.add_insert_sql(insert(REJECTED, "rejected_trades"))
    return inserts


def insert(table: LakeTable, source: str, place: Sequence[str] = lake.PLACE) -> str:
    """All rows of a source, with the time and the place of each."""
    fields = ", ".join(f"`{name}`" for name in table.fields)
    return f"""
        INSERT INTO {CATALOG}.{table.identifier} ({lake.EVENT_TIME}, {fields}, {", ".join(lake.PLACE)})
        SELECT TO_TIMESTAMP_LTZ(`{table.time}` / 1000000, 3), {fields}, {", ".join(place)}
        FROM {source}
    """


def create_sources(env: "TableEnvironment", settings: Settings) -> None:
    """Create the tables of what is read: valid trades, all candles, rejected and flagged trades."""
    kafka.create(env, "ticks", TICKS_COLUMNS, kafka.trades_source(NAME, settings) | {"emit": "ticks"})
    create_committed(env, "candles", [topics.candles(each) for each in settings.resolutions], CANDLES, settings)
    create_committed(env, "rejected_trades", [topics.REJECTED], REJECTED, settings)


def create_committed(
    env: "TableEnvironment", name: str, read: Sequence[str], table: LakeTable, settings: Settings
) -> None:
    """Create the table of what jobs have committed to these topics."""
    options = kafka.source(NAME, ";".join(read), settings) | kafka.avro_values(read[0], table.schema, settings)
    kafka.create(env, name, f"{ddl.columns(table.schema)}, {PLACE_COLUMNS}", options)


def create_catalog(env: "TableEnvironment", settings: Settings) -> None:
    """Make the tables of the lake known by its catalog."""
    options = lake.java_catalog(*settings.lake_place())
    options["type"] = "tickloom-lake"
    listed = ", ".join(f"'{name}' = '{kafka.quoted(value)}'" for name, value in options.items())
    env.execute_sql(f"CREATE CATALOG {CATALOG} WITH ({listed})")


def main(arguments: Sequence[str]) -> None:
    """Run on Kafka and the lake, where missing topics and tables are created first."""
    settings = Settings.from_arguments(arguments)
    catalog = lake.connect(*settings.lake_place())
    prepare(settings, NAME)
    lake.create_missing(catalog)
    env = streaming(settings, f"tickloom-{NAME}", settings.lake_commit_interval)
    env.get_config().set("table.exec.iceberg.use-v2-sink", "true")  # its operators are known by their tables
    create_catalog(env, settings)
    create_sources(env, settings)
    Continuity(catalog).check(env.get_config().get("execution.state-recovery.path", ""))
    run(define(env))  # a compiled plan would look for its sinks outside their catalog


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (SettingsError, lake.LakeError) as error:
        sys.exit(f"tickloom: {error}")
