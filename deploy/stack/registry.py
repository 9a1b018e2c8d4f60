"""The schema registry: Apicurio, with its schemas in a database file."""

import shutil
import tarfile
import tempfile
from pathlib import Path

from deploy import core, jars, paths
from deploy.stack.ports import HOST, Ports
from deploy.stack.security import ADMIN, Security, write_private


def command(folder: Path) -> list[str]:
    """What starts the registry, once `prepare` has written its settings."""
    heap = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    option = f"-Dsmallrye.config.locations={_properties(folder).as_uri()}"
    return [str(core.java()), *heap, *core.shared_classes("registry"), option, "-jar", str(_home() / "quarkus-run.jar")]


def prepare(folder: Path, ports: Ports, security: Security | None) -> None:
    """Unpack the registry, once for all stacks, make a place for its database, and write its settings."""
    (folder / "registry").mkdir(parents=True, exist_ok=True)
    settings = _settings(folder, ports) | (_secured(ports, security) if security else {})
    write_private(_properties(folder), "".join(f"{name}={value}\n" for name, value in settings.items()))
    if not _home().exists():
        _unpack(_archive(), _home())


def _settings(folder: Path, ports: Ports) -> dict[str, object]:
    return {
        "config_ordinal": 500,  # above what comes with it
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


def _secured(ports: Ports, security: Security) -> dict[str, object]:
    """TLS alone, and nothing without a login."""
    return {
        "quarkus.http.insecure-requests": "disabled",
        "quarkus.http.ssl-port": ports.registry,
        "quarkus.http.ssl.certificate.files": security.registry,
        "quarkus.http.ssl.certificate.key-files": security.registry,
        "quarkus.http.auth.basic": "true",
        "quarkus.http.auth.permission.all.paths": "/*",
        "quarkus.http.auth.permission.all.policy": "authenticated",
        "quarkus.oidc.tenant-enabled": "true",
        "quarkus.oidc.public-key": "".join(security.token_key.read_text().splitlines()[1:-1]),
        "quarkus.security.users.embedded.plain-text": "true",
        f"quarkus.security.users.embedded.users.{ADMIN}": security.admin_password,
        f"quarkus.security.users.embedded.roles.{ADMIN}": "sr-admin",
    }


def _properties(folder: Path) -> Path:
    return folder / "registry" / "application.properties"


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
