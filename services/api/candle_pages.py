"""Pages of candles from PostgreSQL, encoded once and kept until a revision of them is written.

The table of revisions only grows, so the number of rows in a range says whether what was encoded before still holds,
together with the actions that candles are adjusted for.
"""

import asyncio
import gzip
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

import pyarrow as pa
from cachetools import LRUCache
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from schemas import resolutions
from schemas.arrow import arrow_schema
from schemas.exact import nanoseconds
from services import csv_text
from services.adjustment import Adjustment, adjusted, in_effect
from services.api.corporate_actions import CorporateActions
from services.candle_json import KEPT, encode, instant_text
from services.records import CandleRecord
from services.reference import CorporateAction

MAX_LIMIT = 10_000
CACHE_BYTES = 256 << 20
ENTRY_BYTES = 1_000
"""What an entry takes besides its body."""
GZIP_LEVEL = 4
COLUMNS = pa.schema([arrow_schema("candle").field(name) for name in KEPT])
Format = Literal["json", "csv", "arrow"]


@dataclass(frozen=True)
class Asked:
    """A question for candles of one symbol and resolution whose windows start in [start, end).

    `revision` picks one instead of the highest. `after` is the cursor: the start of the window before the page.
    """

    symbol: str
    resolution: str
    start: datetime | None = None
    end: datetime | None = None
    order: Literal["asc", "desc"] = "asc"
    limit: int = 1_500
    revision: int | None = None
    after: datetime | None = None
    adjusted: Adjustment = "raw"

    @property
    def is_bounded(self) -> bool:
        """Whether counting its rows is cheap."""
        length = timedelta(seconds=resolutions.seconds(self.resolution))
        return self.start is not None and self.end is not None and (self.end - self.start) / length <= MAX_LIMIT


class Page(NamedTuple):
    """An encoded page, the cursor of the next one, and a tag that changes when its candles do.

    What is kept is also there compressed: it is sent often, and is a tenth.
    """

    body: bytes
    next: str | None
    tag: str | None
    gzipped: bytes = b""


class CandlePages:
    """Answers questions out of a pool of connections."""

    def __init__(self, pool: AsyncConnectionPool, actions: CorporateActions) -> None:
        self._pool, self._actions = pool, actions
        self._encoded: LRUCache[Any, Page] = LRUCache(CACHE_BYTES, getsizeof=_size)
        self._encoding = asyncio.Lock()

    async def page(self, asked: Asked, form: Format) -> Page:
        """The page in a form. Raises psycopg.Error when the database does not answer, and AdjustmentError."""
        actions = await self._in_effect(asked)
        if not asked.is_bounded:
            return await self._encode(asked, actions, form, None)
        tag = _tag(await self._count(asked), actions)
        if found := self._kept(asked, form, tag):
            return found
        async with self._encoding:  # one at a time; another may just have made what this one asks for
            found = self._kept(asked, form, tag)
            if found is None:
                found = self._encoded[asked, form] = await self._encode(asked, actions, form, tag)
        return found

    def _kept(self, asked: Asked, form: Format, tag: str) -> Page | None:
        page = self._encoded.get((asked, form))
        return page if page and page.tag == tag else None

    async def candles(self, asked: Asked) -> tuple[list[CandleRecord], str | None]:
        """The records of a page and the cursor of the next one. Raises as `page` does."""
        return await self._read(asked, await self._in_effect(asked))

    async def _in_effect(self, asked: Asked) -> list[CorporateAction]:
        """What the candles are adjusted for; those that are wanted raw, for nothing."""
        if asked.adjusted == "raw":
            return []
        return in_effect(await self._actions.of(asked.symbol), asked.adjusted, datetime.now(UTC))

    async def _read(self, asked: Asked, actions: Sequence[CorporateAction]) -> tuple[list[CandleRecord], str | None]:
        async with self._pool.connection() as connection:
            cursor = connection.cursor(row_factory=dict_row)
            await cursor.execute(_select(asked), asked.__dict__)
            rows = await cursor.fetchall()
        page = rows[: asked.limit]
        following = page[-1]["window_start"] if len(rows) > asked.limit else None
        records = await asyncio.to_thread(lambda: adjusted([_record(row) for row in page], actions))
        return records, following and instant_text(nanoseconds(following))

    async def latest(self, symbols: list[str], resolution: str) -> list[CandleRecord]:
        """The latest candle of each of these symbols that has one."""
        async with self._pool.connection() as connection:
            cursor = connection.cursor(row_factory=dict_row)
            await cursor.execute(LATEST, {"symbols": symbols, "resolution": resolution})
            return [_record(row) for row in await cursor.fetchall()]

    async def symbols(self) -> list[tuple[str, list[str]]]:
        """Each symbol and the resolutions it has, shortest first."""
        async with self._pool.connection() as connection:
            found = await (await connection.execute(SYMBOLS)).fetchall()
        return [(symbol, sorted(names, key=resolutions.seconds)) for symbol, names in found]

    async def _count(self, asked: Asked) -> int:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(_count(asked), asked.__dict__)
            (count,) = await cursor.fetchone() or (0,)
        return int(count)

    async def _encode(self, asked: Asked, actions: Sequence[CorporateAction], form: Format, tag: str | None) -> Page:
        records, following = await self._read(asked, actions)
        body = await asyncio.to_thread(FORMS[form], records, following)
        gzipped = await asyncio.to_thread(gzip.compress, body, GZIP_LEVEL) if tag else b""
        return Page(body, following, tag, gzipped)


def _tag(count: int, actions: Sequence[CorporateAction]) -> str:
    digest = hashlib.blake2b(repr(actions).encode(), digest_size=8).hexdigest()
    return f"{count}-{digest}" if actions else str(count)


def _size(page: Page) -> int:
    return len(page.body) + len(page.gzipped) + ENTRY_BYTES


def _json(candles: Iterable[CandleRecord], following: str | None) -> bytes:
    return b'{"candles":[%s],"next":%s}' % (b",".join(map(encode, candles)), json.dumps(following).encode())


def _csv(candles: Iterable[CandleRecord], _following: str | None) -> bytes:
    return (csv_text.header(COLUMNS.names) + csv_text.lines(_batch(candles))).encode()


def _arrow(candles: Iterable[CandleRecord], _following: str | None) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, COLUMNS) as writer:
        writer.write_batch(_batch(candles))
    return bytes(sink.getvalue())


def _batch(candles: Iterable[CandleRecord]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(list(candles), schema=COLUMNS)


FORMS: Mapping[Format, Callable[[Iterable[CandleRecord], str | None], bytes]] = {
    "json": _json,
    "csv": _csv,
    "arrow": _arrow,
}


def _record(row: dict[str, Any]) -> CandleRecord:
    return {**row, **{name: nanoseconds(row[name]) for name in ("window_start", "window_end")}}


LATEST = f"""
    select {", ".join(KEPT)}
    from unnest(%(symbols)s::text[]) as wanted(name), lateral (
        select * from candle_revisions
        where symbol = wanted.name and resolution = %(resolution)s
        order by window_start desc, revision desc limit 1
    ) latest
"""


SYMBOLS = """
    with recursive found as (
        (select symbol, resolution from candle_revisions order by symbol, resolution limit 1)
        union all
        select following.symbol, following.resolution
        from found, lateral (
            (
                select symbol, resolution from candle_revisions
                where symbol = found.symbol and resolution > found.resolution
                order by symbol, resolution limit 1
            )
            union all
            (
                select symbol, resolution from candle_revisions
                where symbol > found.symbol
                order by symbol, resolution limit 1
            )
            order by symbol, resolution limit 1
        ) following
    )
    select symbol, array_agg(resolution) from found group by symbol order by symbol
"""
"""Jumps from one (symbol, resolution) to the next in the index instead of reading every candle.

That is the next resolution of the symbol, or else the next symbol: what TimescaleDB has compressed it would read whole
to compare rows.
"""


def _count(asked: Asked) -> str:
    return f"select count(*) from candle_revisions where {_range(asked)}"


def _select(asked: Asked) -> str:
    """Whatever is put into the text is one of a few words of our own; values go beside it.

    Not from the view: a page that goes back in time would make it compute all windows first.
    """
    return (
        f"select distinct on (window_start) {', '.join(KEPT)} from candle_revisions"
        f" where {_range(asked)}{_page(asked)}"
        f" order by window_start {asked.order}, revision desc limit %(limit)s + 1"
    )


def _range(asked: Asked) -> str:
    since = " and window_start >= %(start)s" if asked.start else ""
    until = " and window_start < %(end)s" if asked.end else ""
    return f"symbol = %(symbol)s and resolution = %(resolution)s{since}{until}"


def _page(asked: Asked) -> str:
    chosen = "" if asked.revision is None else " and revision = %(revision)s"
    beyond = ">" if asked.order == "asc" else "<"
    return chosen if asked.after is None else f"{chosen} and window_start {beyond} %(after)s"
