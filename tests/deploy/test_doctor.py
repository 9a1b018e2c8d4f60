"""The doctor's verdicts."""

import hashlib
import socket
from pathlib import Path

import pytest

from deploy import doctor, jars, paths
from deploy.doctor import Verdict
from deploy.stack import ports

CONTENT = b"a jar"


@pytest.fixture
def jar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One pinned jar, in a store of its own."""
    lock = tmp_path / "jars.lock"
    lock.write_text(f"kafka org.example:thing:1.0 {hashlib.sha256(CONTENT).hexdigest()}\n")
    monkeypatch.setattr(jars, "LOCK", lock)
    monkeypatch.setattr(paths, "ARTEFACTS", tmp_path / "artefacts")
    file = tmp_path / "artefacts" / "org" / "example" / "thing" / "1.0" / "thing-1.0.jar"
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)
    return file


def test_a_jar_with_its_pinned_content_is_fine(jar: Path) -> None:
    assert jar.exists()
    assert doctor.jar_files().verdict is Verdict.OK


def test_a_corrupted_jar_is_a_problem_named_with_its_remedy(jar: Path) -> None:
    jar.write_bytes(CONTENT + b"!")
    finding = doctor.jar_files()
    assert finding.verdict is Verdict.PROBLEM
    assert str(jar) in finding.seen
    assert "tickloom jars sync" in finding.remedy


def test_a_missing_jar_is_a_problem_named_with_its_remedy(jar: Path) -> None:
    jar.unlink()
    finding = doctor.jar_files()
    assert finding.verdict is Verdict.PROBLEM
    assert "org.example:thing:1.0" in finding.seen
    assert finding.remedy == "tickloom jars sync"


def test_a_jar_that_is_fetched_when_it_is_asked_for_may_be_missing_but_not_changed(jar: Path) -> None:
    jars.LOCK.write_text(jars.LOCK.read_text().replace("kafka", jars.ON_DEMAND[0], 1))
    jar.write_bytes(CONTENT + b"!")
    assert doctor.jar_files().verdict is Verdict.PROBLEM
    jar.unlink()
    assert doctor.jar_files().verdict is Verdict.OK


def test_this_python_and_its_java_are_fine() -> None:
    assert doctor.python().verdict is Verdict.OK
    assert doctor.java().verdict is Verdict.OK


def test_a_java_that_does_not_start_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.core.java", lambda: Path("/nowhere/java"))
    finding = doctor.java()
    assert finding.verdict is Verdict.PROBLEM
    assert "/nowhere/java" in finding.seen


def test_a_taken_port_is_a_warning_that_names_who_has_it() -> None:
    with socket.create_server((ports.HOST, 0)) as server:
        finding = doctor.port("kafka", server.getsockname()[1], None)
    assert finding.verdict is Verdict.WARNING
    assert "pid" in finding.seen


def test_a_free_port_is_fine() -> None:
    (port,) = ports.free(1)
    assert doctor.port("kafka", port, None).verdict is Verdict.OK


def test_a_stack_that_is_not_running_is_no_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "STACK", tmp_path)
    assert [finding.verdict for finding in doctor.stack_parts(None)] == [Verdict.OK]
