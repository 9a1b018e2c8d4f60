"""The schema registry: Apicurio, with its schemas in a database file."""

import shutil
import tarfile
import tempfile
from pathlib import Path

from deploy import core, jars, paths
from deploy.stack.ports import HOST, Ports


def command(folder: Path, ports: Ports) -> list[str]:
    """What starts the registry."""
    settings = {
        "quarkus.http.host": HOST,
        "quarkus.http.port": ports.registry,
        "quarkus.http.access-log.enabled": "false",
        "quarkus.log.console.format": "%d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %c{1} - %m%n%e",
        "quarkus.management.host": HOST,
        "quarkus.management.port": 0,
        "apicurio.storage.kind": "sql",
        "apicurio.storage.sql.kind": "h2",
        "apicurio.datasource.url": f"jdbc:h2:file:{folder / 'registry' / 'schemas'}",
        "apicurio.datasource.jdbc.initial-size": 2,
        "apicurio.datasource.jdbc.min-size": 2,
        "apicurio.datasource.jdbc.max-size": 20,
    }
    heap = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    options = [f"-D{name}={value}" for name, value in settings.items()]
    return [str(core.java()), *heap, *options, "-jar", str(_home() / "quarkus-run.jar")]


def prepare(folder: Path) -> None:
    """Unpack the registry, once for all stacks, and make a place for its database."""
    (folder / "registry").mkdir(parents=True, exist_ok=True)
    if not _home().exists():
        _unpack(_archive(), _home())


def _unpack(archive: Path, home: Path) -> None:
    home.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=home.parent))
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(partial, filter="data")
        try:
            partial.rename(home)
        except OSError:
            if not home.exists():  # another `up` may have been quicker
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _home() -> Path:
    return paths.STATE / "registry" / _archive().name.removesuffix(".tar.gz")


def _archive() -> Path:
    return jars.group("registry")[0]
