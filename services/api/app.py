"""The API as one ASGI application."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx
import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from prometheus_client import Histogram
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas import topics
from services import dashboard
from services.adjustment import AdjustmentError
from services.api import books, candles, corporate_actions, graph, operations, quality, streams
from services.api.access import Caller, Gate
from services.api.alerts import Alerts
from services.api.candle_pages import CandlePages
from services.api.corporate_actions import CorporateActions
from services.api.latest import LatestCandles
from services.api.pipeline import Pipeline
from services.api.tail import Tail
from services.latest import Latest
from services.traces import Traces

LOG = logging.getLogger("tickloom.api")
CONNECTIONS = 8
DATABASE_TIMEOUT_S = 5
SECONDS = Histogram(
    "tickloom_api_request_seconds",
    "From a request to the begin of its answer",
    ["route", "status"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)


class Timed:
    """Middleware that measures every answer until its begin, also that of a stream."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "none")
                SECONDS.labels(route, message["status"]).observe(time.perf_counter() - began)
                MutableHeaders(scope=message)["X-Content-Type-Options"] = "nosniff"
            await send(message)

        await self._app(scope, receive, answer)


@dataclass(frozen=True)
class Sources:
    """Where the API finds what it tells, and who may ask.

    Properties of the clients of Kafka and the registry, URLs of PostgreSQL and Redis, what makes a client of Flink's
    REST API, callers by the digest of their key, and a limit such as `100/second`.
    """

    kafka: Mapping[str, str]
    registry: Mapping[str, str]
    resolutions: tuple[str, ...]
    candle_names: tuple[str, ...]
    """As in the names of their topics: resolutions, and what is published while open."""
    postgres_url: str
    redis_url: str
    flink: Callable[[], httpx.AsyncClient]
    limit: str
    keys: Mapping[str, Caller] = field(default_factory=dict)
    alertmanager_url: str | None = None
    traces: Traces | None = None


def create(sources: Sources) -> FastAPI:
    """The application; it connects when it starts, and starts also when a part is away."""
    pool = AsyncConnectionPool(
        sources.postgres_url,
        min_size=1,
        max_size=CONNECTIONS,
        open=False,
        timeout=DATABASE_TIMEOUT_S,
        kwargs={"options": f"-c statement_timeout={DATABASE_TIMEOUT_S}s -c timezone=UTC", "autocommit": True},
    )
    candle_topics = {topics.candles(name): "candle" for name in sources.candle_names}
    followed = {**candle_topics, topics.QUALITY: "quality", **books.FOLLOWED}
    tail = Tail(sources.kafka, sources.registry, followed, sources.traces)
    judged, (depths, quotes) = quality.board(tail), books.boards(tail)
    gate = Gate(sources.keys, sources.limit)
    actions = CorporateActions(pool)
    pages = CandlePages(pool, actions)
    cache = Latest(sources.redis_url)
    flink = sources.flink()
    pipeline = Pipeline(flink)
    alerts = Alerts(sources.alertmanager_url)

    @asynccontextmanager
    async def running(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as open_:
            open_.callback(tail.close)
            await open_.enter_async_context(flink)
            open_.push_async_callback(pool.close)
            open_.push_async_callback(cache.close)
            open_.push_async_callback(alerts.close)
            await pool.open(wait=False)
            for each in (tail, judged, depths, quotes):
                open_.callback(asyncio.create_task(each.run()).cancel)
            yield

    app = FastAPI(title="Tickloom", version="1", summary="Committed candles", lifespan=running)
    latest = LatestCandles(tail, cache, pages)
    app.include_router(candles.router(pages, latest, gate, sources.resolutions))
    app.include_router(corporate_actions.router(actions, gate))
    app.include_router(streams.router(tail, gate, sources.resolutions))
    app.include_router(operations.router(pool, tail, judged, pipeline, alerts, gate))
    app.include_router(books.router(depths, quotes, gate))
    app.include_router(graph.router(pages, latest, gate, sources.resolutions), prefix="/graphql")
    app.include_router(dashboard.router())
    app.add_exception_handler(psycopg.Error, _database_is_away)
    app.add_exception_handler(PoolTimeout, _database_is_away)
    app.add_exception_handler(httpx.HTTPError, _cluster_is_away)
    app.add_exception_handler(AdjustmentError, _cannot_be_adjusted)
    app.add_exception_handler(RequestValidationError, _wrong_question)
    app.add_middleware(Timed)
    return app


async def _wrong_question(_request: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    told = "; ".join(f"{each['loc'][-1]}: {each['msg']}" for each in found)
    return JSONResponse({"detail": told}, 422)


async def _cannot_be_adjusted(_request: Request, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, 409)


async def _database_is_away(_request: Request, error: Exception) -> Response:
    LOG.warning("PostgreSQL: %s", " ".join(str(error).split()))
    return _away("the database does not answer; `tickloom status` says whether it runs")


async def _cluster_is_away(_request: Request, error: Exception) -> Response:
    LOG.warning("Flink: %s", error)
    return _away("the Flink cluster does not answer; `tickloom status` says whether it runs")


def _away(detail: str) -> Response:
    return JSONResponse({"detail": detail}, 503, {"Retry-After": "2"})
