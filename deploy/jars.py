"""The jars: declared in jars.toml, pinned with sha256 in jars.lock, kept under `.tickloom/artefacts`.

Downloads go through jgo, which knows where a Maven coordinate lives; no address is written here.
"""

import hashlib
import tomllib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from deploy import paths
from deploy.errors import UserError
from deploy.locks import alone

if TYPE_CHECKING:
    from jgo.maven import MavenContext

DECLARED = paths.ROOT / "deploy" / "jars.toml"
LOCK = paths.ROOT / "deploy" / "jars.lock"
DOWNLOAD_TIMEOUT_S = 60
ON_DEMAND = ("lake", "connect", "jet", "streams")
"""Groups that are large and not for everybody: they are fetched when they are asked for."""


@dataclass(frozen=True)
class Jar:
    """One pinned file: `group:artifact:version[:packaging[:classifier]]` and its sha256."""

    group: str
    coordinate: str
    sha256: str

    @property
    def path(self) -> Path:
        """Where it is once synced: the layout of a Maven repository."""
        group_id, artifact_id, version, packaging, classifier = _parts(self.coordinate)
        suffix = f"-{classifier}" if classifier else ""
        file = f"{artifact_id}-{version}{suffix}.{packaging}"
        return paths.ARTEFACTS.joinpath(*group_id.split("."), artifact_id, version, file)


class Progress(Protocol):
    """What sync reports to: a file is about to be fetched, bytes have arrived."""

    def start(self, name: str, total_bytes: int) -> None: ...
    def advance(self, byte_count: int) -> None: ...


def read_lock() -> list[Jar]:
    """The pinned jars, in the order of the lock file."""
    if not LOCK.exists():
        raise UserError(f"{LOCK.name} is missing: run `tickloom jars lock`")
    lines = (line.split() for line in LOCK.read_text().splitlines() if line and not line.startswith("#"))
    return [Jar(group, coordinate, sha256) for group, coordinate, sha256 in lines]


def group(name: str) -> list[Path]:
    """Paths of the synced jars of a group. Raises UserError when one is missing."""
    jars = [jar for jar in read_lock() if jar.group == name]
    for jar in jars:
        if not jar.path.exists():
            more = f" {name}" if name in ON_DEMAND else ""
            raise UserError(f"{jar.coordinate} is not downloaded: run `tickloom jars sync{more}`")
    return [jar.path for jar in jars]


def sync(progress: Progress, groups: Collection[str] = ()) -> int:
    """Download what is missing and check every sha256; returns the number of files fetched.

    Without `groups` these are all but those ON_DEMAND. Raises UserError naming the coordinate when a download fails or
    a hash differs.
    """
    context = _context(progress)
    wanted = [jar for jar in read_lock() if (jar.group in groups if groups else jar.group not in ON_DEMAND)]
    paths.ARTEFACTS.mkdir(parents=True, exist_ok=True)
    with alone(paths.ARTEFACTS):  # while another process downloads, its files are there in parts
        missing = [jar for jar in wanted if not jar.path.exists()]
        for jar in missing:
            _download(context, jar.coordinate)
        for jar in wanted:
            _verify(jar)
    return len(missing)


def lock(progress: Progress) -> list[Jar]:
    """Resolve jars.toml, download everything and write jars.lock."""
    context = _context(progress)
    jars = [
        Jar(name.rstrip("+"), coordinate, _sha256(_download(context, coordinate)))
        for name, declared in tomllib.loads(DECLARED.read_text()).items()
        for coordinate in (_with_dependencies(context, declared) if name.endswith("+") else declared)
    ]
    header = "# Written by `tickloom jars lock` from jars.toml: group, coordinate, sha256\n"
    LOCK.write_text(header + "".join(f"{jar.group} {jar.coordinate} {jar.sha256}\n" for jar in jars))
    return jars


def _context(progress: Progress) -> "MavenContext":
    from jgo.maven import MavenContext, PythonResolver  # slow to import, and most commands download nothing

    @contextmanager
    def report(name: str, total_bytes: int) -> Iterator[Any]:
        progress.start(name, total_bytes)
        yield progress.advance

    resolver = PythonResolver(progress_callback=report)
    return MavenContext(resolver=resolver, repo_cache=paths.ARTEFACTS, timeout=DOWNLOAD_TIMEOUT_S)


def _download(context: "MavenContext", coordinate: str) -> Path:
    try:
        return _fetch(context, coordinate)
    except Exception as error:  # jgo raises many kinds; the user needs one line
        cause = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        raise UserError(f"could not download {coordinate}: {cause}. Check network, proxy, certificates") from error


@retry(
    retry=retry_if_exception_type(OSError),  # requests' exceptions are OSErrors; "not found" is not
    stop=stop_after_attempt(4),
    wait=wait_random_exponential(max=10),
    reraise=True,
)
def _fetch(context: "MavenContext", coordinate: str) -> Path:
    group_id, artifact_id, version, packaging, classifier = _parts(coordinate)
    component = context.project(group_id, artifact_id).at_version(version)
    return Path(component.artifact(classifier, packaging).resolve())


def _verify(jar: Jar) -> None:
    actual = _sha256(jar.path)
    if actual != jar.sha256:
        jar.path.unlink()
        raise UserError(f"{jar.coordinate} refused and removed: its sha256 is {actual}, jars.lock says {jar.sha256}")


def _with_dependencies(context: "MavenContext", declared: list[str]) -> list[str]:
    wanted = [context.create_dependency(coordinate) for coordinate in declared]
    inputs, transitive = context.resolver.resolve(wanted)
    return [f"{dep.groupId}:{dep.artifactId}:{dep.version}" for dep in (*inputs, *transitive)]


def _parts(coordinate: str) -> tuple[str, str, str, str, str]:
    group_id, artifact_id, version, *rest = coordinate.split(":")
    packaging, classifier = (*rest, "jar", "")[:2] if len(rest) != 1 else (rest[0], "")
    return group_id, artifact_id, version, packaging, classifier


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
