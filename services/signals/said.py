"""What somebody said, and the words that are understood: `BUY BTC 0.8`, `sell $ETH`, `close ETH-USD`."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

SHOWN = 300
"""Characters of what is wrong."""
WORDS = re.compile(
    r"\s*(?P<direction>buy|sell|close)\s+\$?(?P<symbol>[A-Z0-9][A-Z0-9._=/-]{0,31})"
    r"(\s+(?P<confidence>[0-9]+(\.[0-9]{1,12})?|\.[0-9]{1,12}))?\s*",
    re.IGNORECASE | re.ASCII,  # else `ſell` would be understood
)
Shape = TypeVar("Shape", bound=BaseModel)


class NotUnderstoodError(ValueError):
    """An authentic delivery that is no signal: the short name of the rule it breaks, and what is wrong, in ASCII."""

    def __init__(self, rule: str, reason: str) -> None:
        self.rule = rule
        super().__init__(reason.encode("ascii", "backslashreplace").decode()[:SHOWN])


@dataclass(frozen=True, kw_only=True)
class Said:
    """What an author said; `symbol` as he calls it, `channel` where a source has several, `ts_event` in nanoseconds."""

    author: str
    ts_event: int
    direction: str
    symbol: str
    confidence: Decimal | None = None
    text: str | None = None
    channel: str | None = None


@dataclass(frozen=True)
class Words:
    """The parts of a text."""

    direction: str
    symbol: str
    confidence: Decimal | None


def understand(text: str) -> Words:
    """The parts of a text that is a signal from its begin to its end, in any case. Raises NotUnderstoodError."""
    found = WORDS.fullmatch(text)
    if not found:
        raise NotUnderstoodError("text", "not of the form: buy, sell or close, a symbol, and maybe a confidence")
    confidence = found["confidence"]
    return Words(found["direction"].lower(), found["symbol"], Decimal(confidence) if confidence else None)


def shaped(model: type[Shape], content: Any) -> Shape:
    """What a service sent, as a model. Raises NotUnderstoodError naming the first field that is wrong."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise NotUnderstoodError("shape", f"{place or 'the body'}: {first['msg']}") from None
