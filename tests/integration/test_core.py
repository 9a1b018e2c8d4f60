"""What Java processes share from one start to the next."""

import subprocess
from pathlib import Path

import pytest

from deploy import core, jars, paths

pytestmark = pytest.mark.integration


def start(folder: Path) -> str:
    """Start one of Kafka's tools and end it; returns where each class came from."""
    log = folder / "classes.log"
    class_path = ":".join(map(str, jars.group("kafka")))
    main = ["-cp", class_path, "kafka.tools.StorageTool", "random-uuid"]
    command = [str(core.java()), f"-Xlog:class+load:file={log}", *core.shared_classes("tool"), *main]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return log.read_text()


def test_a_process_begins_with_the_classes_of_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "STATE", tmp_path)
    from_jar, from_archive = ("kafka.tools.StorageTool$ source: " + each for each in ("file:", "shared objects file"))
    assert from_jar in start(tmp_path)
    assert from_archive in start(tmp_path)
