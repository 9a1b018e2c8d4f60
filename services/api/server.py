"""How the application is served: bounds on what one client may take."""

import uvicorn
from fastapi import FastAPI

CONNECTIONS = 1_000
LEAVE_S = 3
"""How long streams may take to end after Ctrl-C."""


def server(app: FastAPI, host: str, port: int) -> uvicorn.Server:
    """A server that `run` keeps until a signal, or until `should_exit`."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host,
            port,
            log_config=None,  # what uvicorn says goes where ours goes
            access_log=False,
            server_header=False,
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=LEAVE_S,
            ws_max_size=4_096,
        )
    )
