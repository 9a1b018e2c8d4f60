"""What a trade may update, read from a file such as udfs/conditions.toml for the independent check.

It shares no code with the jobs, and takes for granted that they have accepted the file.
"""

import tomllib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

STRICTER = ("always", "if first", "if only", "never")
"""Each is stricter than the one before."""


class Updates(NamedTuple):
    """What a trade may update; open_close and high_low are among STRICTER."""

    open_close: str = "always"
    high_low: str = "always"
    volume: bool = True
    extended_hours: bool = False


class SaleConditions:
    """The rule sets of a file; of none, every trade updates everything."""

    def __init__(self, file: Path | None = None) -> None:
        self._sets: list[dict[str, Any]] = tomllib.loads(file.read_text(encoding="utf-8"))["sets"] if file else []

    def updates(self, venue: str | None, conditions: Sequence[str]) -> Updates:
        """What a trade of a venue with these conditions may update."""
        for rules in self._sets:
            if any(fnmatchcase(venue or "", pattern) for pattern in rules["venues"]):
                winning = [each for each in conditions if each in rules.get("wins", [])]
                return _strictest([_updates(rules, each) for each in winning[:1] or conditions])
        return Updates()


def _updates(rules: dict[str, Any], condition: str) -> Updates:
    for rule in rules["rules"]:
        if condition in rule["conditions"]:
            return Updates(
                rule.get("open_close", "always"),
                rule.get("high_low", "always"),
                rule.get("volume") != "never",
                rule.get("extended_hours", False),
            )
    return Updates()


def _strictest(found: list[Updates]) -> Updates:
    found = found or [Updates()]
    return Updates(
        max((each.open_close for each in found), key=STRICTER.index),
        max((each.high_low for each in found), key=STRICTER.index),
        all(each.volume for each in found),
        any(each.extended_hours for each in found),
    )
