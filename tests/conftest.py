"""Fixtures of more than one folder."""

import os
import shutil
from pathlib import Path

import hypothesis
import pytest

from schemas import avro

hypothesis.settings.register_profile("tickloom", deadline=None)  # a busy machine is slow, not wrong
hypothesis.settings.load_profile("tickloom")

# Processes of tests end before the work of Java's second compiler pays: it would take a fifth of the processor time.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the schemas that may be broken."""
    copy = tmp_path / "schemas"
    shutil.copytree(avro.FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(avro, "FOLDER", copy)
    return copy


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave what is thorough to CI. What takes long begins first, so that no worker is left with it at the end."""
    for item in items:
        if item.get_closest_marker("thorough") and not os.environ.get("CI"):
            item.add_marker(pytest.mark.skip(reason="takes minutes; set CI"))
    items.sort(key=lambda item: item.get_closest_marker("integration") is None)
