"""Candles in PostgreSQL: a table of all revisions, partitioned by month, and a view of the highest of every window."""

import calendar
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from schemas.exact import floor_instant, nanoseconds
from services.candle_json import KEPT
from services.projections.store import Store, StoreError
from services.records import CandleRecord
from services.reference import ReferenceRow

MIGRATIONS = Path(__file__).parent / "migrations" / "postgres"
CONNECT_TIMEOUT_S = 10
STATEMENT_TIMEOUT_MS = 60_000
TIMES = ("window_start", "window_end")
"""Nanoseconds elsewhere, and whole seconds: here timestamps."""
LOCK = 7_190_451
"""Held while a migration runs: of two that start at once, one waits."""
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
        self._months = set[datetime]()

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

    def write(self, candles: Iterable[CandleRecord]) -> None:
        rows = [_row(candle) for candle in candles]
        with _one_line():
            self._partition(row["window_start"] for row in rows)
            with self._connection.transaction(), self._connection.cursor() as cursor:
                cursor.execute("create temporary table incoming (like candle_revisions) on commit drop")
                with cursor.copy(COPY) as copy:
                    for row in rows:
                        copy.write_row([row[name] for name in KEPT])
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
        """Drop the partitions of months that ended at or before `since`; returns their names."""
        dropped = [name for name in self._partitions() if _month_end(name) <= since]
        with _one_line(), self._connection.transaction():
            for name in dropped:
                self._connection.execute(sql.SQL("drop table {}").format(sql.Identifier(name)))
        self._months.clear()
        return dropped

    def close(self) -> None:
        self._connection.close()

    def _partitions(self) -> list[str]:
        with _one_line():
            found = self._connection.execute(
                "select inhrelid::regclass::text from pg_inherits"
                " where inhparent = 'candle_revisions'::regclass order by 1"
            )
            return [name for (name,) in found]

    def _partition(self, starts: Iterable[datetime]) -> None:
        """Create the months of these windows that are not there yet."""
        months = {start.replace(day=1, hour=0, minute=0, second=0, microsecond=0) for start in starts}
        missing = sorted(months - self._months)
        if missing:
            with self._connection.transaction():
                self._connection.execute("select pg_advisory_xact_lock(%s)", [LOCK])
                for month in missing:
                    name = f"candles_{month:%Y_%m}"
                    bounds = map(sql.Literal, (month, _month_end(name)))
                    self._connection.execute(PARTITION.format(sql.Identifier(name), *bounds))
        self._months |= months


def _row(candle: CandleRecord) -> dict[str, Any]:
    return {**candle, **{name: floor_instant(candle[name]) for name in TIMES}}


def _month_end(partition: str) -> datetime:
    """First instant after the month of a partition, whose name ends in it: candles_2026_01."""
    year, month = (int(part) for part in partition.split("_")[-2:])
    first = datetime(year, month, 1, tzinfo=UTC)
    return first + timedelta(days=calendar.monthrange(year, month)[1])


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
PARTITION = sql.SQL("create table if not exists {} partition of candle_revisions for values from ({}) to ({})")
COPY = sql.SQL("copy incoming ({}) from stdin").format(_NAMES)
INSERT = sql.SQL("insert into candle_revisions ({0}) select {0} from incoming on conflict do nothing").format(_NAMES)
UPSERT = sql.SQL(
    "insert into {table} as held ({names}) values ({values}) on conflict ({key})"
    " do update set ({names}) = row ({values}) where (held.*) is distinct from (excluded.*)"
)
SELECT = sql.SQL("select {} from candles order by symbol, resolution, window_start").format(_NAMES)
