"""An application of the test's own, as a server on a free port."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import httpx
from fastapi import FastAPI

from deploy import rest
from deploy.stack import Stack, ports
from services.api.app import Sources, create
from services.api.server import server

RESOLUTIONS = ("1s", "1m", "1h", "1d")
START_TIMEOUT_S = 30
NO_REDIS = "redis://127.0.0.1:1"
"""Where none answers: what is asked then comes from PostgreSQL."""


def sources(stack: Stack, postgres_url: str, redis_url: str = "", **changed: object) -> Sources:
    """Of the session's stack, with a database of the test's own."""
    found = Sources(
        kafka=stack.kafka_client(),
        registry=stack.registry_client(),
        resolutions=RESOLUTIONS,
        candle_names=RESOLUTIONS,
        postgres_url=postgres_url,
        redis_url=redis_url or NO_REDIS,
        flink=partial(rest.asynchronous, stack.flink_address, stack.flink_conf),
        limit="10000/second",
    )
    return replace(found, **changed)  # type: ignore[arg-type]


@contextmanager
def served(told: Sources, headers: Mapping[str, str] | None = None) -> Iterator[httpx.Client]:
    """A client of an API that runs meanwhile."""
    with running(create(told), headers) as client:
        yield client


@contextmanager
def running(app: FastAPI, headers: Mapping[str, str] | None = None) -> Iterator[httpx.Client]:
    """A client of a server of an application that runs meanwhile."""
    (port,) = ports.free(1)
    serving = server(app, "127.0.0.1", port)
    thread = threading.Thread(target=serving.run)
    thread.start()
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not serving.started:
            assert thread.is_alive(), "the server ended"
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.05)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=20, trust_env=False) as client:
            yield client
    finally:
        serving.should_exit = True
        thread.join(20)
