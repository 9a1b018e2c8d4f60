"""A lake of a test's own, written by the lake job and read as others would: by pyiceberg and by DuckDB."""

import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import duckdb_extension_avro
import duckdb_extension_iceberg

from deploy import core
from deploy.stack import Stack
from jobs.settings import Settings
from schemas import lake
from schemas.lake import TRADES, LakeTable
from services.records import TradeRecord
from tests.integration.candle_job import CandleJob, Feed, settings, wait_until


@dataclass
class Lake:
    """The lake of a feed. `sent` is what its trades topic holds, by (partition, offset)."""

    stack: Stack
    folder: Path
    url: str
    feed: Feed
    sent: dict[tuple[int, int], TradeRecord] = field(default_factory=dict)

    @property
    def chosen(self) -> Settings:
        """Settings of the lake job, which commits each second."""
        return settings(
            self.stack,
            self.feed,
            lake=str(self.folder),
            lake_catalog=self.url,
            lake_commit_interval="1s",
            resolutions="1s,1m",
            parallelism=1,
            jars=",".join(map(str, core.job_jars("lake"))),
        )

    def submit(self, savepoint: str | None = None) -> CandleJob:
        """Start the job; it comes back after failures."""
        return CandleJob.submit(self.stack, self.chosen, file="jobs/lake.py", savepoint=savepoint, restart=True)

    def send(self, partition: int, trade: TradeRecord) -> None:
        """Write a trade, and note it."""
        offset, _ = self.feed.send(partition, trade)
        self.sent[partition, offset] = trade

    def table(self, table: LakeTable = TRADES) -> Any:
        """As pyiceberg has it now."""
        return lake.connect(*self.chosen.lake_place()).load_table(table.identifier)

    def by_pyiceberg(self, table: LakeTable = TRADES) -> list[dict[str, Any]]:
        """All rows."""
        return list(self.table(table).scan().to_arrow().to_pylist())

    def by_duckdb(self, table: LakeTable = TRADES) -> list[dict[str, Any]]:
        """All rows, but for the event time, which DuckDB gives only with another extension."""
        columns = ", ".join(f'"{name}"' for name in (*table.fields, *lake.PLACE))
        found = duck().sql(f"select {columns} from iceberg_scan('{self.table(table).metadata_location}')")
        return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]

    def count(self, table: LakeTable = TRADES) -> int:
        """How many rows there are."""
        return int(self.table(table).scan().count())

    def await_trades(self) -> None:
        """Wait until there are as many as were sent."""
        wait_until(lambda: self.count() >= len(self.sent), f"{len(self.sent)} trades in the lake")

    def check_trades(self) -> None:
        """Each trade that was sent is there once, as it was sent, whoever reads it."""
        for read in (self.by_pyiceberg, self.by_duckdb):
            rows = read()
            places = [(row["kafka_partition"], row["kafka_offset"]) for row in rows]
            assert len(places) == len(set(places)), f"{read.__name__}: {len(places) - len(set(places))} trades twice"
            found = {
                place: {name: row[name] for name in TRADES.fields} for place, row in zip(places, rows, strict=True)
            }
            assert found == self.sent, f"{read.__name__}: {len(self.sent.keys() - found.keys())} trades missing"

    def kill_taskmanager(self) -> None:
        """SIGKILL; the stack starts another one."""
        killed = self.stack.pids["taskmanager"]
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: self.stack.pids.get("taskmanager") not in (None, killed), "another TaskManager")


def duck() -> duckdb.DuckDBPyConnection:
    """A DuckDB that knows Iceberg."""
    connection = duckdb.connect()
    for package in (duckdb_extension_avro, duckdb_extension_iceberg):
        (file,) = Path(str(package.__file__)).parent.rglob("*.duckdb_extension")
        connection.load_extension(str(file))
    return connection
