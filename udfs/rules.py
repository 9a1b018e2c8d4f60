"""The validation rules as data: what udfs/rules.toml, or a file in its place, may say.

`for_connector` is what the JVM core gets; `udfs.validation` judges by the same rules in Python.
"""

import re
import tomllib
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from schemas.exact import Fixed
from schemas.models import Amount

DEFAULTS = Path(__file__).with_name("rules.toml")
PERCENT = Fixed(18, 4)

Percent = Annotated[Decimal, BeforeValidator(PERCENT.fit)]
Milliseconds = Annotated[int, Field(gt=0, le=2**63 // 10**6 - 1)]
Severity = Literal["reject", "flag", "off"]


class RulesError(ValueError):
    """The rules cannot be used: one line that names the file, the rule and what is allowed."""


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
    severity: Severity
    symbols: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] = ("*",)

    def applies_to(self, symbol: str) -> bool:
        """Whether one of its patterns matches the symbol."""
        return matches(self.symbols, symbol)


class Required(_Rule):
    """A field that may be left out must be there and not empty."""

    kind: Literal["required"]
    field: Literal["venue", "trade_id", "sequence", "ts_recv", "conditions"]


class Range(_Rule):
    """Price or size, exact. A cancel's are not looked at."""

    kind: Literal["range"]
    field: Literal["price", "size"]
    above: Amount | None = None
    at_least: Amount | None = None
    below: Amount | None = None
    at_most: Amount | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        low, high = (self.above, self.at_least), (self.below, self.at_most)
        if self.severity != "off" and low == high == (None, None):
            raise ValueError("a range needs one of above, at_least, below, at_most")
        if None not in low or None not in high:
            raise ValueError("above and at_least, or below and at_most, exclude each other")
        return self


class Allowed(_Rule):
    """Venue, symbol (patterns) or every condition must be one of these; a field left out is not looked at."""

    kind: Literal["allowed"]
    field: Literal["venue", "symbol", "conditions"]
    values: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]


class Future(_Rule):
    """ts_event further ahead of ts_recv or of the Kafka timestamp."""

    kind: Literal["future"]
    ahead_ms_max: Milliseconds


class Stale(_Rule):
    """ts_event further behind ts_recv or the Kafka timestamp."""

    kind: Literal["stale"]
    age_ms_max: Milliseconds


class Band(_Rule):
    """A price further, in percent, from the symbol's last good one. Only a running job knows that: it judges alone."""

    kind: Literal["band"]
    percent_max: Annotated[Percent, Field(gt=0)]
    reset_after_ms: Milliseconds
    reset_after_trades: Annotated[int, Field(gt=0, le=2**31 - 1)]


Rule = Annotated[Required | Range | Allowed | Future | Stale | Band, Field(discriminator="kind")]


class Rules(BaseModel):
    """All rules, in the order in which they are looked at."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: Literal[1]
    rules: Annotated[tuple[Rule, ...], Field(strict=False)]

    @field_validator("rules")
    @classmethod
    def _one_kind_a_name(cls, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        first: dict[str, Rule] = {}
        for rule in rules:
            known = first.setdefault(rule.name, rule)
            if (known.kind, getattr(known, "field", None)) != (rule.kind, getattr(rule, "field", None)):
                raise ValueError(f"'{rule.name}' names two rules of different kinds or fields: rename one")
        bands = {rule.name for rule in rules if rule.kind == "band"}
        if len(bands) > 1:
            raise ValueError(f"{' and '.join(sorted(bands))} are both bands: a symbol has one, give them one name")
        return rules

    def of(self, symbol: str) -> list[Rule]:
        """The rules that apply to a symbol; in the order in which their names first come up for it."""
        chosen = {rule.name: rule for rule in self.rules if rule.applies_to(symbol)}
        return [rule for rule in chosen.values() if rule.severity != "off"]

    def for_connector(self) -> str:
        """JSON for the option 'rules' of the `tickloom` connector: amounts as text, percent as parts per million."""
        return self.model_dump_json(exclude_none=True)


def load(file: str | Path = "") -> Rules:
    """The rules of a file, those that come with Tickloom by default. Raises RulesError."""
    path = Path(file) if file else DEFAULTS
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
        return Rules.model_validate(found)
    except ValidationError as error:
        raise RulesError(f"{path}: {_first(error)}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise RulesError(f"{path}: {reason}") from error


def _first(error: ValidationError) -> str:
    """The first thing wrong, such as `rule 2, percent_max: …`; rules count from 1."""
    found = error.errors()[0]
    message = found["msg"].removeprefix("Value error, ")
    match found["loc"]:
        case ("rules", int(number), *rest):
            fields = "".join(f", {part}" for part in rest[-1:] if rest[1:])
            return f"rule {number + 1}{fields}: {message}"
        case (*_, field):
            return f"{field}: {message}"
    return message


def matches(patterns: Sequence[str], text: str) -> bool:
    """Whether one of the patterns is the text: * stands for any text, ? for one character."""
    return any(_regex(pattern).fullmatch(text) for pattern in patterns)


def _regex(pattern: str) -> re.Pattern[str]:
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(sign) or re.escape(sign) for sign in pattern), re.DOTALL)
