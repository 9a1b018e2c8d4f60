"""Jars are pinned by sha256, and a jar that differs is refused."""

import hashlib
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deploy import jars, paths
from deploy.errors import UserError


class Silent:
    def start(self, name: str, total_bytes: int) -> None: ...
    def advance(self, byte_count: int) -> None: ...


@pytest.fixture
def pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> jars.Jar:
    """A lock with one jar, which is in the artefacts already."""
    content = b"not really a jar"
    jar = jars.Jar("flink", "org.example:thing:1.0", hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(paths, "ARTEFACTS", tmp_path / "artefacts")
    monkeypatch.setattr(jars, "LOCK", tmp_path / "jars.lock")
    jars.LOCK.write_text(f"# comment\n{jar.group} {jar.coordinate} {jar.sha256}\n")
    jar.path.parent.mkdir(parents=True)
    jar.path.write_bytes(content)
    return jar


def test_a_jar_that_is_here_and_right_is_not_downloaded_again(pinned: jars.Jar) -> None:
    assert jars.sync(Silent()) == 0
    assert jars.group("flink") == [pinned.path]


def test_a_jar_whose_hash_differs_is_refused_and_removed(pinned: jars.Jar) -> None:
    pinned.path.write_bytes(b"tampered with")
    with pytest.raises(UserError, match=r"org\.example:thing:1\.0 refused and removed: its sha256 is"):
        jars.sync(Silent())
    assert not pinned.path.exists()


def test_of_two_that_fetch_at_once_one_does_and_the_other_waits(
    pinned: jars.Jar, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = pinned.path.read_bytes()
    pinned.path.unlink()

    def slowly(_context: object, _coordinate: str) -> None:
        with pinned.path.open("wb", buffering=0) as file:
            for byte in content:
                file.write(bytes([byte]))
                time.sleep(0.01)

    monkeypatch.setattr(jars, "_download", slowly)
    with ThreadPoolExecutor() as pool:
        fetched = [*pool.map(lambda _: jars.sync(Silent()), range(4))]
    assert sorted(fetched) == [0, 0, 0, 1]


def test_a_missing_jar_says_how_to_get_it(pinned: jars.Jar) -> None:
    pinned.path.unlink()
    with pytest.raises(UserError, match="run `tickloom jars sync`"):
        jars.group("flink")


def test_a_coordinate_may_name_packaging_and_classifier() -> None:
    jar = jars.Jar("registry", "io.example:app:2.0:tar.gz:all", "")
    assert jar.path.relative_to(paths.ARTEFACTS) == Path("io/example/app/2.0/app-2.0-all.tar.gz")


def test_the_committed_lock_pins_every_declared_jar_and_names_no_host() -> None:
    text = jars.LOCK.read_text()
    assert all(re.fullmatch(r"\S+ [^\s:]+(:[^\s:]+){2,4} [0-9a-f]{64}", line) for line in text.splitlines()[1:])
    assert "://" not in text
    declared = re.findall(r'"([\w.-]+:[\w.-]+:[\w.:-]+)"', jars.DECLARED.read_text())
    assert set(declared) <= {jar.coordinate for jar in jars.read_lock()}
