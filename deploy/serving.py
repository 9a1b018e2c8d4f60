"""The API on a stack, and the projections it reads from, as processes beside the command that needs them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from deploy import flink
from deploy.stack import ports
from deploy.stack.ports import HOST


@contextmanager
def serving(folder: Path, *flags: str) -> Iterator[str]:
    """On the stack of a folder, meanwhile; gives the address. Flags are those of `tickloom api`."""
    (port,) = ports.free(1)
    # Not the addresses of anything but that stack.
    own = {name: value for name, value in os.environ.items() if not name.startswith("TICKLOOM_")}
    environment = {**own, "TICKLOOM_STACK_DIR": str(folder)}
    command = str(Path(sys.executable).with_name("tickloom"))
    with ExitStack() as ended, (folder / "logs" / "api.log").open("w") as log:
        for arguments in (
            ["project", "run", "postgres"],
            ["project", "run", "redis"],
            ["api", f"--port={port}", *flags],
        ):
            process = subprocess.Popen(
                [command, *arguments], env=environment, stdout=log, stderr=log, start_new_session=True, text=True
            )
            ended.callback(flink.end, process)
        yield f"http://{HOST}:{port}"


def answers(address: str) -> bool:
    """Whether the API is there yet, in whatever health."""
    try:
        httpx.get(f"{address}/health", timeout=1, trust_env=False)
    except httpx.HTTPError:
        return False
    return True
