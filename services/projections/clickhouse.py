"""Candles in ClickHouse, for analytics: a table of revisions, partitioned by month; a view has the highest ones."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from services.candle_json import KEPT
from services.projections.store import Store, StoreError, highest
from services.records import CandleRecord

MIGRATIONS = Path(__file__).parent / "migrations" / "clickhouse"
"""Each is one statement that does no harm when two run it at once: ClickHouse has no lock to hold meanwhile."""
CONNECT_TIMEOUT_S = 10
STATEMENT_TIMEOUT_S = 60
TABLE = "candle_revisions"
ONE_BLOCK = {"async_insert": 0, "max_partitions_per_insert_block": 0}
"""A write is one insert of its own, of as many months as it may hold."""
NANOSECONDS = {"DateTime64*": "int"}
"""Times come as integers: a datetime would lose the last three digits."""

logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())  # what it logs, it also raises


class ClickHouse(Store):
    """`url` is one of the HTTP interface: https://user:password@host:port/database.

    A write is kept whole, month by month: where it fails, some of its months may be in. Of two records with the same
    revision of the same window, which there must not be, the later one stays.
    """

    name = "clickhouse"

    def __init__(self, url: str) -> None:
        with _one_line():
            self._client = _connected(url)

    def prepare(self) -> None:
        with _one_line():
            self._client.command(
                "create table if not exists schema_migrations (name String, applied DateTime('UTC') default now())"
                " engine = ReplacingMergeTree order by name"
            )
            applied = {name for (name,) in self._client.query("select name from schema_migrations").result_rows}
            for file in sorted(MIGRATIONS.glob("*.sql")):
                if file.stem not in applied:
                    self._client.command(file.read_text())
                    self._client.insert("schema_migrations", [[file.stem]], ["name"])

    def write(self, candles: Iterable[CandleRecord]) -> None:
        rows = [[candle[name] for name in KEPT] for candle in highest(candles)]
        if rows:
            with _one_line():
                self._client.insert(TABLE, rows, KEPT, settings=ONE_BLOCK)

    def read(self) -> Iterator[dict[str, Any]]:
        with _one_line(), self._client.query_rows_stream(SELECT, query_formats=NANOSECONDS) as rows:
            for row in rows:
                yield dict(zip(KEPT, row, strict=True))

    def clear(self) -> None:
        with _one_line():
            self._client.command(f"truncate table {TABLE}")

    def retain(self, since: datetime) -> list[str]:
        """Drop the partitions of months that ended at or before `since`; returns their names, such as 202601."""
        dropped = [name for name in self._partitions() if _month_end(name) <= since]
        with _one_line():
            for name in dropped:
                self._client.command(f"alter table {TABLE} drop partition id '{name}'")
        return dropped

    def close(self) -> None:
        self._client.close()

    def _partitions(self) -> list[str]:
        with _one_line():
            return [name for (name,) in self._client.query(PARTITIONS).result_rows]


def _connected(url: str) -> Client:
    try:
        return clickhouse_connect.get_client(
            dsn=url,
            interface=urlsplit(url).scheme,  # without it https is http, but for two ports
            connect_timeout=CONNECT_TIMEOUT_S,
            send_receive_timeout=STATEMENT_TIMEOUT_S,
            autogenerate_session_id=False,
            client_name="tickloom",
        )
    except ValueError as error:
        raise StoreError(
            f"ClickHouse: the URL is none such as https://user:password@host:8443/default: {error}"
        ) from error


def _month_end(partition: str) -> datetime:
    """First instant after the month of a partition."""
    year, month = int(partition[:4]), int(partition[4:])
    return datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)


@contextmanager
def _one_line() -> Iterator[None]:
    try:
        yield
    except ClickHouseError as error:
        reason = " ".join(str(error).split())
        raise StoreError(f"ClickHouse: {reason}") from error


SELECT = f"select {', '.join(KEPT)} from candles order by symbol, resolution, window_start"
PARTITIONS = (
    "select distinct partition_id from system.parts"
    f" where database = currentDatabase() and table = '{TABLE}' and active order by partition_id"
)
