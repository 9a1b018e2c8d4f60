"""The sources of signals, from a TOML file: of what kind they are, with what they sign, which symbols they may name."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from limits import RateLimitItem, parse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError

SECRETS_VARIABLE = "TICKLOOM_SECRETS_DIR"
"""Names the folder of secrets, as for the settings of jobs."""


class SourcesError(ValueError):
    """The file of sources is none, or lacks something: one line that says what."""


def _secret(variable: Any) -> Any:
    """What an environment variable holds, or the file of its name, in lower case, in the folder of secrets."""
    if not isinstance(variable, str) or not variable:
        raise ValueError("name the environment variable that holds the secret")
    found = os.environ.get(variable) or _in_folder(variable.lower())
    if not found:
        raise ValueError(f"{variable} is neither in the environment nor, as {variable.lower()}, in {SECRETS_VARIABLE}")
    return found


def _in_folder(name: str) -> str:
    file = Path(os.environ.get(SECRETS_VARIABLE) or os.devnull) / Path(name).name
    return file.read_text().strip() if file.is_file() else ""


def _limit(value: Any) -> Any:
    try:
        return parse(value)
    except (ValueError, TypeError):
        raise ValueError(f"{value!r} is no limit, such as 10/second or 100/minute") from None


class Source(BaseModel):
    """One of them."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    kind: Literal["webhook", "telegram", "discord"]
    secret: Annotated[SecretStr, BeforeValidator(_secret)]
    """What deliveries are checked with. The file names the environment variable, or the file, that holds it."""
    symbols: Annotated[Mapping[str, str], Field(min_length=1)]
    """The instrument of each name that may be used; instruments are also names of themselves."""
    limit: Annotated[RateLimitItem, BeforeValidator(_limit)] = parse("10/second")
    """Deliveries that it may make to each intake."""


Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
FILE = TypeAdapter(dict[Name, Source])


def load(file: Path) -> dict[str, Source]:
    """The sources of a file by their names, which are the end of their URL. Raises SourcesError."""
    try:
        found = FILE.validate_python(tomllib.loads(file.read_text()))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SourcesError(f"{file}: {error}") from None
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SourcesError(f"{file}: {place}: {first['msg'].removeprefix('Value error, ')}") from None
    if not found:
        raise SourcesError(f"{file}: names no source")
    return found
