"""Runs supervisord over the parts: it starts them again when they end, and keeps and rotates their logs."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from deploy.errors import UserError
from deploy.stack.ends import START
from deploy.stack.ports import Ports
from deploy.stack.state import FOLDER_VARIABLE, NAME_VARIABLE, PARTS, Stack, left_over

STOP_TIMEOUT_S = 60
KILL_TIMEOUT_S = 5
# Paths are relative to the folder, which it runs in: supervisord expands a % in some values twice.
SUPERVISORD = """\
[supervisord]
nodaemon=true
silent=true
logfile=logs/supervisord.log
logfile_maxbytes=5MB
logfile_backups=1
pidfile=supervisord.pid
childlogdir=logs
"""
STOP = {"postgres": "INT"}
"""After a SIGTERM PostgreSQL waits for its clients to leave."""
START_S = 10
"""A part that ends so soon after its start is waited for, a second longer each time; one that has lived is not."""
PROGRAM = """
[program:{name}]
command={command}
environment={variable}="{name}"
priority={priority}
autorestart=true
startsecs={start_s}
startretries=30
stopsignal={stop}
stopwaitsecs=15
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile=logs/{name}.log
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=3
"""


def start(
    folder: Path,
    ports: Ports,
    commands: Mapping[str, list[str]],
    environment: Mapping[str, str],
    secured_with: Path | None = None,
) -> Stack:
    """Start a supervisor that outlives its starter, in a session of its own, and write the state file."""
    (folder / "logs").mkdir(exist_ok=True)
    config = folder / "supervisord.conf"
    config.write_text(_config(commands))
    process = subprocess.Popen(
        [sys.executable, "-m", "supervisor.supervisord", "-c", str(config)],
        env={**os.environ, **environment, FOLDER_VARIABLE: str(folder)},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=(folder / "logs" / "supervisord.out").open("w"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    started = psutil.Process(process.pid).create_time()
    stack = Stack(
        folder=folder,
        ports=ports,
        supervisor_pid=process.pid,
        supervisor_started=started,
        secured_with=secured_with,
    )
    stack.save()
    return stack


def stop(stack: Stack, report: Callable[[str], None]) -> None:
    """Stop the parts in order, then the supervisor; `report` is told of each part that has ended."""
    supervisor = stack.supervisor()
    if supervisor:
        alive = set(stack.pids)
        supervisor.send_signal(signal.SIGTERM)
        _await_end(stack, alive, report)
    stack.forget()


def end_left_over(folder: Path) -> list[int]:
    """End what is left of a folder's stack once its supervisor is gone or hangs; returns the process ids."""
    ended = list[int]()
    deadline = time.monotonic() + KILL_TIMEOUT_S
    while alive := left_over(folder):
        if time.monotonic() > deadline:
            raise UserError(f"could not end {', '.join(str(process.pid) for process in alive)}: end them by hand")
        for process in alive:
            _kill(process)
        ended += [process.pid for process in alive if process.pid not in ended]
        time.sleep(0.1)
    return ended


def _await_end(stack: Stack, alive: set[str], report: Callable[[str], None]) -> None:
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while stack.supervisor() and time.monotonic() < deadline:
        time.sleep(0.1)
        ended = alive - set(stack.pids)
        alive -= ended
        for name in (name for name in reversed(PARTS) if name in ended):
            report(name)


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


def _config(commands: Mapping[str, list[str]]) -> str:
    programs = (
        PROGRAM.format(
            name=name,
            command=shlex.join(_announced(commands[name])).replace("%", "%%"),
            start_s=START_S,
            variable=NAME_VARIABLE,
            priority=PARTS.index(name),
            stop=STOP.get(name, "TERM"),
        )
        for name in PARTS
    )
    return SUPERVISORD + "".join(programs)


def _announced(command: list[str]) -> list[str]:
    """Begins each life of a part with a line in its log."""
    return ["/bin/sh", "-c", f'echo "{START}"; exec "$0" "$@"', *command]
