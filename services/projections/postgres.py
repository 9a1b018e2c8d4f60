"""Candles in PostgreSQL: a table of all revisions, partitioned by time, and a view of the highest of every window."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from schemas.exact import floor_instant, nanoseconds
from services.candle_json import KEPT
from services.projections.partitions import LOCK, partitions, use_timescaledb
from services.projections.store import Store, StoreError
from services.records import CandleRecord
from services.reference import ReferenceRow

MIGRATIONS = Path(__file__).parent / "migrations" / "postgres"
CONNECT_TIMEOUT_S = 10
STATEMENT_TIMEOUT_MS = 60_000
TIMES = ("window_start", "window_end")
"""Nanoseconds elsewhere, and whole seconds: here timestamps."""
FETCHED = 10_000


class Postgres(Store):
    """`url` is a libpq connection string or URI."""

    name = "postgres"

    def __init__(self, url: str) -> None:
        with _one_line():
            self._connection = psycopg.connect(
                url,
                autocommit=True,
                connect_timeout=CONNECT_TIMEOUT_S,
                options=f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC",
                application_name="tickloom",
            )

    def prepare(self) -> None:
        with _one_line(), self._connection.transaction():
            self._connection.execute("select pg_advisory_xact_lock(%s)", [LOCK])
            self._connection.execute(
                "create table if not exists schema_migrations"
                " (name text primary key, applied timestamptz not null default now())"
            )
            applied = {name for (name,) in self._connection.execute("select name from schema_migrations")}
            for file in sorted(MIGRATIONS.glob("*.sql")):
                if file.stem not in applied:
                    self._connection.execute(file.read_text())
                    self._connection.execute("insert into schema_migrations (name) values (%s)", [file.stem])
            use_timescaledb(self._connection)

    def write(self, candles: Iterable[CandleRecord]) -> None:
        rows = [_row(candle) for candle in candles]
        with _one_line():
            partitions(self._connection).cover(row["window_start"] for row in rows)
            with self._connection.transaction(), self._connection.cursor() as cursor:
                cursor.execute("create temporary table incoming (like candle_revisions) on commit drop")
                self._fill(cursor, rows)
                cursor.execute(INSERT)

    def read(self) -> Iterator[dict[str, Any]]:
        with (
            _one_line(),
            self._connection.transaction(),
            self._connection.cursor("candles", row_factory=dict_row) as cursor,
        ):
            cursor.itersize = FETCHED
            for row in cursor.execute(SELECT):
                bounds = {name: nanoseconds(row[name]) for name in TIMES}
                yield {**row, **bounds}

    def upsert(self, rows: Sequence[ReferenceRow]) -> int:
        """Write rows of one table of reference data, all or none. Returns how many are new or changed."""
        if not rows:
            return 0
        with _one_line(), self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.executemany(_upsert(type(rows[0])), [row.model_dump() for row in rows])
            return cursor.rowcount

    def clear(self) -> None:
        with _one_line():
            self._connection.execute("truncate candle_revisions")

    def retain(self, since: datetime) -> list[str]:
        """Drop the months, or the chunks, that ended at or before `since`; returns their names."""
        with _one_line():
            return partitions(self._connection).drop(since)

    def close(self) -> None:
        self._connection.close()

    def _fill(self, cursor: psycopg.Cursor, rows: list[dict[str, Any]]) -> None:
        with cursor.copy(COPY) as copy:
            for row in rows:
                copy.write_row([row[name] for name in KEPT])


def _row(candle: CandleRecord) -> dict[str, Any]:
    return {**candle, **{name: floor_instant(candle[name]) for name in TIMES}}


def _upsert(model: type[ReferenceRow]) -> sql.Composed:
    names = [*model.model_fields]
    return UPSERT.format(
        table=sql.Identifier("reference", model.table),
        names=sql.SQL(", ").join(map(sql.Identifier, names)),
        values=sql.SQL(", ").join(map(sql.Placeholder, names)),
        key=sql.SQL(", ").join(map(sql.Identifier, model.key)),
    )


@contextmanager
def _one_line() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        reason = " ".join(str(error).split())
        raise StoreError(f"PostgreSQL: {reason}") from error


_NAMES = sql.SQL(", ").join(sql.Identifier(name) for name in KEPT)
COPY = sql.SQL("copy incoming ({}) from stdin").format(_NAMES)
INSERT = sql.SQL("insert into candle_revisions ({0}) select {0} from incoming on conflict do nothing").format(_NAMES)
UPSERT = sql.SQL(
    "insert into {table} as held ({names}) values ({values}) on conflict ({key})"
    " do update set ({names}) = row ({values}) where (held.*) is distinct from (excluded.*)"
)
SELECT = sql.SQL("select {} from candles order by symbol, resolution, window_start").format(_NAMES)
