"""Users' own tables, as `users.toml` declares them: which columns they have, and which of those are personal.

What is personal is shown nowhere but in its table and on its topic.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

COLUMNS: Mapping[str, Mapping[str, bool]] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
"""By table: each column, and whether it is personal."""
DECLARED = tuple(f"users.{table}.{column}" for table, columns in COLUMNS.items() for column in columns)
MASK = "****"


def masked(table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as it may be shown: without what is personal, or not declared."""
    columns = COLUMNS[table]
    return {name: MASK if columns.get(name, True) else value for name, value in row.items()}
