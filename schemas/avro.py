"""The Avro schemas beside this file: the source of truth for models, DDL and topics."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Names of the schemas, such as `trade`, in alphabetical order."""
    return sorted(file.stem for file in FOLDER.glob("*.avsc"))


def text(name: str) -> str:
    """schemas/<name>.avsc as it is written. Raises ValueError when there is no such schema."""
    file = FOLDER / f"{name}.avsc"
    if not file.exists():
        raise ValueError(f"there is no schema '{name}': the schemas are {', '.join(names())}")
    return file.read_text(encoding="utf-8")


def load(name: str) -> dict[str, Any]:
    """schemas/<name>.avsc, parsed. Raises ValueError when it is missing or not JSON."""
    return _parse(text(name), f"{name}.avsc")


def history(name: str) -> dict[int, dict[str, Any]]:
    """Every committed version of a schema, schemas/history/<name>/<version>.avsc, oldest first.

    Raises ValueError for a file whose name is no version number, or that is not JSON.
    """
    files = {_version(file): file for file in (FOLDER / "history" / name).glob("*.avsc")}
    return {
        version: _parse(file.read_text(encoding="utf-8"), f"history/{name}/{file.name}")
        for version, file in sorted(files.items())
    }


def _parse(source: str, place: str) -> dict[str, Any]:
    try:
        schema: dict[str, Any] = json.loads(source)
    except json.JSONDecodeError as error:
        raise ValueError(f"schemas/{place}, line {error.lineno}: not JSON: {error.msg}") from error
    return schema


def _version(file: Path) -> int:
    if not file.stem.isascii() or not file.stem.isdigit():
        raise ValueError(f"schemas/history/{file.parent.name}/{file.name}: call it by its version: 2.avsc")
    return int(file.stem)
