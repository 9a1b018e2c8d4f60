"""The intake as an ASGI application: `POST /v1/signals/{source}`, and whether it is well."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import Histogram
from starlette.requests import ClientDisconnect

from services.api.answers import Health, PartHealth
from services.signals.adapter import Adapter
from services.signals.intake import REJECTED, Intake, RefusedError
from services.signals.memory import AwayError, Memory
from services.signals.outbox import Outbox, OutboxError

BODY_BYTES = 64 << 10
BODY_S = 10
"""How long a delivery may take to come."""
HEALTH_S = 2
SECONDS = Histogram(
    "tickloom_signals_seconds",
    "From a delivery to its answer",
    ["source", "status"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3),
)


def create(adapters: Mapping[str, Adapter], outbox: Outbox, memory: Memory) -> FastAPI:
    """The application; strangers see it, so it has no pages that describe it, and its metrics are elsewhere."""
    intake = Intake(adapters, outbox, memory)

    @asynccontextmanager
    async def running(_app: FastAPI) -> AsyncIterator[None]:
        hearing = asyncio.create_task(outbox.run())
        yield
        await intake.close()
        hearing.cancel()
        await memory.close()

    app = FastAPI(title="Tickloom signals", lifespan=running, openapi_url=None)

    @app.post("/v1/signals/{source}")
    async def take(source: str, request: Request) -> Response:
        began, known = time.perf_counter(), source if source in adapters else ""
        try:
            adapter = intake.adapter(source)
            status, found = await intake.take(adapter, dict(request.headers), await _body(request))
            answer = JSONResponse(found, status)
        except RefusedError as error:
            REJECTED.labels(known, error.reason).inc()
            answer = JSONResponse({"detail": error.detail}, error.status, error.headers)
        SECONDS.labels(known, answer.status_code).observe(time.perf_counter() - began)
        return answer

    @app.get("/health")
    async def health(response: Response) -> Health:
        parts = await asyncio.gather(_kafka(outbox), _redis(memory))
        found = Health(healthy=all(part.healthy for part in parts), parts=list(parts))
        response.status_code = 200 if found.healthy else 503
        return found

    return app


async def _body(request: Request) -> bytes:
    """What was delivered. Raises RefusedError when it is too much, or does not come."""
    found = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.stream():
                found += chunk
                if len(found) > BODY_BYTES:
                    raise RefusedError(413, "size", f"more than {BODY_BYTES:,} bytes")
    except (TimeoutError, ClientDisconnect):
        raise RefusedError(408, "slow", "the delivery did not come to its end") from None
    return bytes(found)


async def _kafka(outbox: Outbox) -> PartHealth:
    try:
        await outbox.check(HEALTH_S)
    except OutboxError:
        return PartHealth(name="kafka", healthy=False, detail="does not answer")
    return PartHealth(name="kafka", healthy=True, detail="answers")


async def _redis(memory: Memory) -> PartHealth:
    try:
        await memory.check()
    except AwayError:
        return PartHealth(name="redis", healthy=False, detail="does not answer")
    return PartHealth(name="redis", healthy=True, detail="answers")
