"""The projections, and where their stores are: named by the environment, else those of the running stack."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from deploy import stack
from deploy.errors import UserError
from jobs.settings import Settings
from schemas import lake
from schemas.lake import LakeError
from schemas.registry import RegistryError
from services.committed import CommittedReadError
from services.projections.postgres import Postgres
from services.projections.projector import ProjectionError
from services.projections.store import Held, Store, StoreError


def _postgres() -> Store:
    return Postgres(postgres_url())


def _redis() -> Store:
    from services.projections.redis import Redis  # its client is slow to import, and most commands need none

    return Redis(redis_url())


def _clickhouse() -> Store:
    from services.projections.clickhouse import ClickHouse  # its client is slow to import, and most commands need none

    url = os.environ.get(CLICKHOUSE_URL)
    if not url:
        raise UserError(f"{CLICKHOUSE_URL} names no server; one is http://user:password@localhost:8123/default")
    return ClickHouse(url)


CLICKHOUSE_URL = "TICKLOOM_CLICKHOUSE_URL"
STORES: Mapping[str, Callable[[], Store]] = {"postgres": _postgres, "redis": _redis, "clickhouse": _clickhouse}
"""What connects to the store of each projection."""


def present() -> list[str]:
    """The projections that have a store: those of the stack, and those whose server the environment names."""
    return [name for name in STORES if name != "clickhouse" or os.environ.get(CLICKHOUSE_URL)]


@contextmanager
def connected(names: Iterable[str]) -> Iterator[list[Store]]:
    """The stores of these projections. Raises UserError in one line when one fails, also later."""
    with ExitStack() as opened, one_line():
        stores = [STORES[name]() for name in names]
        for store in stores:
            opened.callback(store.close)
        yield stores


@contextmanager
def audited(settings: Settings) -> Iterator[list[Held]]:
    """Everything that should hold what is committed: the stores that are there, and the lake once its job has run."""
    with connected(present()) as stores:
        yield [*stores, *_lake(settings)]


def _lake(settings: Settings) -> list[Held]:
    if not (settings.lake and settings.lake_catalog.get_secret_value()):
        return []
    from services.projections.lake import load  # Iceberg is slow to import

    catalog = lake.connect(*settings.lake_place())
    with lake.one_line():
        return [load(catalog)] if catalog.table_exists(lake.CANDLES.identifier) else []


@contextmanager
def one_line() -> Iterator[None]:
    """Turns what a projection and its parts raise into a UserError."""
    try:
        yield
    except (CommittedReadError, LakeError, ProjectionError, RegistryError, StoreError) as error:
        raise UserError(str(error)) from error


def postgres_url() -> str:
    """Of the server that the environment names, else of the running stack's. Raises UserError when there is none."""
    return _url("TICKLOOM_POSTGRES_URL", lambda running: running.postgres_url)


def redis_url() -> str:
    """Likewise, of Redis."""
    return _url("TICKLOOM_REDIS_URL", lambda running: running.redis_url)


def _url(variable: str, of_stack: Callable[[stack.Stack], str]) -> str:
    named = os.environ.get(variable)
    if named:
        return named
    running = stack.running()
    if running is None:
        raise UserError(f"no stack runs and {variable} names no server: `tickloom up`, or set it")
    return of_stack(running)
