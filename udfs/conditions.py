"""The sale conditions as data: what udfs/conditions.toml, or a file in its place, may say, and what it does to a trade.

`for_connector` is what the JVM core gets; `effects` judges by the same rules in Python.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from udfs.effects import REGULAR, Effects, When, tightest

DEFAULTS = Path(__file__).with_name("conditions.toml")

Conditional = Literal["always", "if first", "if only", "never"]
Texts = Annotated[tuple[str, ...], Field(strict=False, min_length=1)]


class ConditionsError(ValueError):
    """The sale conditions cannot be used: one line that names the file, the set and what is allowed."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Rule(_Model):
    """What trades with one of these conditions may update."""

    conditions: Texts
    open_close: Conditional = "always"
    high_low: Conditional = "always"
    volume: Literal["always", "never"] = "always"
    extended_hours: bool = False

    @property
    def effects(self) -> Effects:
        """The same, to reckon with."""
        return Effects(_when(self.open_close), _when(self.high_low), self.volume == "always", self.extended_hours)


class RuleSet(_Model):
    """The conditions of some venues. A condition is in one rule."""

    name: str
    venues: Texts
    wins: Annotated[tuple[str, ...], Field(strict=False)] = ()
    rules: Annotated[tuple[Rule, ...], Field(strict=False)]

    @model_validator(mode="after")
    def _each_once(self) -> "RuleSet":
        named = [condition for rule in self.rules for condition in rule.conditions]
        twice = sorted({each for each in named if named.count(each) > 1})
        if twice:
            raise ValueError(f"condition {', '.join(twice)} is in more than one rule of set '{self.name}': keep one")
        unnamed = sorted(set(self.wins) - set(named))
        if unnamed:
            raise ValueError(f"wins of set '{self.name}' names {', '.join(unnamed)}, which no rule does: add a rule")
        return self

    @cached_property
    def known(self) -> dict[str, Effects]:
        """The effects of each condition."""
        return {condition: rule.effects for rule in self.rules for condition in rule.conditions}

    @cached_property
    def _venues(self) -> list[re.Pattern[str]]:
        return [_regex(pattern) for pattern in self.venues]

    def is_for(self, venue: str) -> bool:
        """Whether one of its patterns matches the venue."""
        return any(pattern.fullmatch(venue) for pattern in self._venues)

    def effects(self, conditions: Sequence[str]) -> Effects:
        """What a trade with all of these may update; a condition it does not name changes nothing."""
        winner = next((each for each in conditions if each in self.wins), None)
        return self.known[winner] if winner else tightest(self.known.get(each, REGULAR) for each in conditions)


class Conditions(_Model):
    """The sets, of which the first that matches a venue is its own."""

    version: Literal[1]
    sets: Annotated[tuple[RuleSet, ...], Field(strict=False)]

    def effects(self, venue: str | None, conditions: Sequence[str]) -> Effects:
        """What a trade of a venue may update."""
        rules = next((each for each in self.sets if each.is_for(venue or "")), None) if conditions else None
        return rules.effects(conditions) if rules else REGULAR

    def for_connector(self) -> str:
        """JSON for the option 'conditions' of the `tickloom` connector: effects as bits."""
        return json.dumps({"sets": [_for_connector(each) for each in self.sets]})


NONE = Conditions(version=1, sets=())
"""Every trade is regular."""


def load(file: str | Path = "") -> Conditions:
    """The sale conditions of a file, those that come with Tickloom by default. Raises ConditionsError."""
    path = Path(file) if file else DEFAULTS
    try:
        return Conditions.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise ConditionsError(f"{path}: {_first(error)}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConditionsError(f"{path}: {reason}") from error


def _first(error: ValidationError) -> str:
    """The first thing wrong, such as `set 1, rule 2, high_low: …`; sets and rules count from 1."""
    found = error.errors()[0]
    place = ", ".join(_told(found["loc"]))
    message = found["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message


def _told(place: Sequence[str | int]) -> Iterable[str]:
    """Such as ("sets", 0, "rules", 1, "high_low")."""
    for name, number in zip(place, [*place[1:], ""], strict=True):
        if name in ("sets", "rules") and isinstance(number, int):
            yield f"{str(name)[:-1]} {number + 1}"
        elif isinstance(name, str):
            yield name


def _for_connector(rules: RuleSet) -> dict[str, object]:
    effects = {condition: each.bits for condition, each in rules.known.items()}
    return {"venues": rules.venues, "wins": rules.wins, "effects": effects}


def _when(text: Conditional) -> When:
    return When[text.upper().replace(" ", "_")]


def _regex(pattern: str) -> re.Pattern[str]:
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(sign) or re.escape(sign) for sign in pattern), re.DOTALL)
