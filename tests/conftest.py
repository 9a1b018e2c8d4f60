"""Fixtures of more than one folder."""

import shutil
from pathlib import Path

import hypothesis
import pytest

from schemas import avro

hypothesis.settings.register_profile("tickloom", deadline=None)  # a busy machine is slow, not wrong
hypothesis.settings.load_profile("tickloom")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the schemas that may be broken."""
    copy = tmp_path / "schemas"
    shutil.copytree(avro.FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(avro, "FOLDER", copy)
    return copy


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins first, so that no worker is left with it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("integration") is None)
