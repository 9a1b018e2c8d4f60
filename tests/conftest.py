"""Fixtures of more than one folder."""

import shutil
from pathlib import Path

import pytest

from schemas import avro


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the schemas that may be broken."""
    copy = tmp_path / "schemas"
    shutil.copytree(avro.FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(avro, "FOLDER", copy)
    return copy
