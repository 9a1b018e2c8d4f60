"""Stacks of the tests' own, each in a folder and on ports of its own, driven by the command users type."""

import os
import subprocess
import sys
from pathlib import Path

from deploy.stack import Stack, ports, running

UP_TIMEOUT_S = 240


def tickloom(folder: Path, *arguments: str, check: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `tickloom` on the stack of a folder, with further environment variables.

    Its output is part of the failure when `check` finds one.
    """
    result = subprocess.run(
        command(*arguments),
        env={**environment(folder), **variables},
        capture_output=True,
        text=True,
        timeout=UP_TIMEOUT_S,
        check=False,
    )
    if check:
        assert result.returncode == 0, result.stdout + result.stderr
    return result


def command(*arguments: str) -> list[str]:
    """The command line of a `tickloom` of this environment."""
    return [str(Path(sys.executable).with_name("tickloom")), *arguments]


def environment(folder: Path) -> dict[str, str]:
    """The environment that makes `tickloom` work on the stack of a folder."""
    return {**os.environ, "TICKLOOM_STACK_DIR": str(folder)}


def free_ports() -> list[str]:
    """Options that keep a stack away from the ports users expect theirs on."""
    free = ports.free(len(ports.DEFAULTS))
    return [f"--{name}-port={port}" for name, port in zip(ports.DEFAULTS, free, strict=True)]


def up(folder: Path) -> Stack:
    """Start a stack in a folder and leave it running."""
    tickloom(folder, "up", "--detach", *free_ports())
    stack = running(folder)
    assert stack
    return stack


def down(folder: Path) -> None:
    """Stop the stack of a folder."""
    tickloom(folder, "down")
