"""Health, the pipeline and the API's own metrics."""

from typing import Any

import psycopg
from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from services.api import quality
from services.api.access import Gate
from services.api.alerts import Alerts
from services.api.answers import AlertAnswer, Health, PartHealth, QualityAnswer, problems
from services.api.board import Board
from services.api.pipeline import Pipeline
from services.api.tail import Tail


def router(
    pool: AsyncConnectionPool, tail: Tail, judged: Board, pipeline: Pipeline, alerts: Alerts, gate: Gate
) -> APIRouter:
    """The routes of those who run it."""
    routes = APIRouter(tags=["operations"])
    operator = [Depends(gate.operator)]

    @routes.get("/health", responses={503: {"model": Health}})
    async def health(response: Response) -> Health:
        """Whether the parts that answers come from are there; needs no key."""
        parts = [await _database(pool), _stream(tail)]
        found = Health(healthy=all(part.healthy for part in parts), parts=parts)
        response.status_code = 200 if found.healthy else 503
        return found

    @routes.get("/v1/quality", dependencies=[Depends(gate.reader)], responses=problems(401, 403, 429, 503))
    async def minutes() -> list[QualityAnswer]:
        """The latest minute of every symbol that the quality job has judged."""
        return quality.answers(judged)

    @routes.get("/v1/pipeline", dependencies=operator, responses=problems(401, 403, 429, 503))
    async def jobs() -> list[dict[str, Any]]:
        """The jobs of the cluster: state, checkpoints, watermark, counters of trades; then the latest that ended."""
        return await pipeline.jobs()

    @routes.get("/v1/alerts", dependencies=operator, responses=problems(401, 403, 429, 503))
    async def firing() -> list[AlertAnswer]:
        """The alerts that fire, where the API knows an Alertmanager."""
        return await alerts.firing()

    @routes.get("/metrics", dependencies=operator, response_class=Response)
    async def metrics() -> Response:
        """For Prometheus."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return routes


async def _database(pool: AsyncConnectionPool) -> PartHealth:
    try:
        async with pool.connection(timeout=1) as connection:
            await connection.execute("select 1 from candle_revisions limit 1")
        return PartHealth(name="postgres", healthy=True, detail="answers")
    except psycopg.errors.UndefinedTable:
        return PartHealth(name="postgres", healthy=False, detail="holds no candles: `tickloom project run postgres`")
    except (psycopg.Error, PoolTimeout):
        return PartHealth(name="postgres", healthy=False, detail="does not answer")


def _stream(tail: Tail) -> PartHealth:
    return PartHealth(name="kafka", healthy=tail.error is None, detail=tail.error or "is followed")
