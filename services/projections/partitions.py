"""What candle_revisions is divided into by time, so that old candles go without being looked for.

That is PostgreSQL's partitions of a month, or TimescaleDB's chunks in a database that has this extension.
"""

import calendar
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from psycopg import Connection, sql

LOCK = 7_190_451
"""Held while a migration runs or a partition is made: of two that start at once, one waits."""
HYPERTABLE = Path(__file__).parent / "migrations" / "timescaledb.sql"


class Partitions(Protocol):
    """Both methods raise psycopg.Error."""

    def cover(self, starts: Iterable[datetime]) -> None:
        """Have a place for windows that start then."""

    def drop(self, since: datetime) -> list[str]:
        """Drop those that ended at or before `since`; returns their names."""


def partitions(connection: Connection) -> Partitions:
    """Those there are now: the table may become a hypertable while a projection runs. Raises psycopg.Error."""
    return Months(connection) if _is_native(connection) else Chunks(connection)


def use_timescaledb(connection: Connection) -> None:
    """Make the table a hypertable, once the extension is there. Raises psycopg.Error."""
    installed = connection.execute("select 1 from pg_extension where extname = 'timescaledb'").fetchone()
    if installed and _is_native(connection):
        connection.execute(HYPERTABLE.read_text())


class Months:
    """Partitions made when they are needed, named candles_2026_01."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def cover(self, starts: Iterable[datetime]) -> None:
        missing = {f"candles_{start:%Y_%m}" for start in starts}.difference(self._names())
        if missing:
            with self._connection.transaction():
                self._connection.execute("select pg_advisory_xact_lock(%s)", [LOCK])
                for name in sorted(missing):
                    bounds = map(sql.Literal, _bounds(name))
                    self._connection.execute(CREATE.format(sql.Identifier(name), *bounds))

    def drop(self, since: datetime) -> list[str]:
        dropped = [name for name in self._names() if _bounds(name)[1] <= since]
        with self._connection.transaction():
            for name in dropped:
                self._connection.execute(sql.SQL("drop table {}").format(sql.Identifier(name)))
        return dropped

    def _names(self) -> list[str]:
        found = self._connection.execute(
            "select inhrelid::regclass::text from pg_inherits where inhparent = 'candle_revisions'::regclass order by 1"
        )
        return [name for (name,) in found]


class Chunks:
    """TimescaleDB makes them itself."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def cover(self, starts: Iterable[datetime]) -> None:
        pass

    def drop(self, since: datetime) -> list[str]:
        found = self._connection.execute("select drop_chunks('candle_revisions', older_than => %s)", [since])
        return [name for (name,) in found]


def _is_native(connection: Connection) -> bool:
    found = connection.execute("select 1 from pg_class where oid = 'candle_revisions'::regclass and relkind = 'p'")
    return found.fetchone() is not None


def _bounds(name: str) -> tuple[datetime, datetime]:
    """[start, end) of the month that the name of a partition ends in."""
    year, month = (int(part) for part in name.split("_")[-2:])
    first = datetime(year, month, 1, tzinfo=UTC)
    return first, first + timedelta(days=calendar.monthrange(year, month)[1])


CREATE = sql.SQL("create table if not exists {} partition of candle_revisions for values from ({}) to ({})")
