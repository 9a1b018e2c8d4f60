"""Rows of the tables of reference data, and the CSV files they are loaded from."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.models import Amount, Instant
from services import trades_cells
from services.trades_cells import Record, TradesFileError, UnreadableRow

Symbol = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00]+$")]


def _positive(value: Decimal) -> Decimal:
    if value <= 0:
        raise ValueError(f"must be above 0, was {value:f}")
    return value


def _whole_milliseconds(value: datetime) -> datetime:
    if value.microsecond % 1_000:
        raise ValueError(f"event time has milliseconds, this has more: {value.isoformat()}")
    return value


Positive = Annotated[Amount, AfterValidator(_positive)]
Millisecond = Annotated[Instant, AfterValidator(_whole_milliseconds)]
"""An instant that jobs compare with event time."""


class ReferenceFileError(ValueError):
    """A file cannot be loaded: one line with the file, the line and the reason."""


class ReferenceRow(BaseModel):
    """What the tables share."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    table: ClassVar[str]
    key: ClassVar[tuple[str, ...]]
    symbol: Symbol

    @property
    def identity(self) -> tuple[object, ...]:
        """The values of its key."""
        return tuple(getattr(self, name) for name in self.key)


class Instrument(ReferenceRow):
    """What is traded under a symbol since `valid_from`, until the next row of the symbol."""

    table = "instruments"
    key = ("symbol", "valid_from")

    valid_from: Millisecond
    type: Literal["equity", "fund", "crypto", "forex", "index", "future", "option"]
    name: str | None = None
    currency: Annotated[str, Field(min_length=1)]
    multiplier: Positive = Decimal(1)
    """Units of the underlying that one contract stands for."""
    underlying: Symbol | None = None
    expiry: Millisecond | None = None
    strike: Amount | None = None
    option_right: Literal["call", "put"] | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        needed = {"future": ("underlying", "expiry"), "option": ("underlying", "expiry", "strike", "option_right")}
        if missing := [name for name in needed.get(self.type, ()) if getattr(self, name) is None]:
            raise ValueError(f"the {self.type} has no {', '.join(missing)}")
        return self


class CorporateAction(ReferenceRow):
    """A split, of `ratio` new shares for `per` old ones, or a dividend of `amount` for a share of those before it.

    `effective` is the first instant at which it is traded without the entitlement (the ex-date), `close_before` the
    last price before a dividend.
    """

    table = "corporate_actions"
    key = ("symbol", "effective", "type")

    effective: Instant
    type: Literal["split", "dividend"]
    ratio: Positive | None = None
    per: Positive = Decimal(1)
    amount: Positive | None = None
    close_before: Positive | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.type == "split" and (self.ratio is None or self.amount or self.close_before):
            raise ValueError("a split has a ratio, and neither amount nor close_before")
        if self.type == "dividend" and (self.amount is None or self.ratio or self.per != 1):
            raise ValueError("a dividend has an amount, and neither ratio nor per")
        if self.amount and self.close_before and self.amount >= self.close_before:
            raise ValueError(f"close_before must be above amount, was {self.close_before:f}")
        return self


Row = TypeVar("Row", bound=ReferenceRow)


def read(file: Path, model: type[Row]) -> list[Row]:
    """The rows of a CSV file with a header; an empty cell is none. Raises ReferenceFileError."""
    found = dict[tuple[object, ...], tuple[int, Row]]()
    try:
        with trades_cells.opened(file) as cells:
            _check(file, cells.header, model)
            for record in cells.records(cells.header):
                line, row = _row(file, record, cells.header, model)
                if row.identity in found:
                    same = f"the same {', '.join(model.key)} as line {found[row.identity][0]}"
                    raise ReferenceFileError(f"{file}:{line}: has {same}")
                found[row.identity] = line, row
    except TradesFileError as error:
        raise ReferenceFileError(str(error)) from error
    return [row for _, row in found.values()]


def _check(file: Path, header: list[str], model: type[ReferenceRow]) -> None:
    columns = model.model_fields
    missing = [name for name in columns if columns[name].is_required() and name not in header]
    unknown = [name for name in header if name not in columns]
    if missing or unknown:
        what = f"no column {', '.join(missing)}" if missing else f"unknown column {', '.join(unknown)}"
        raise ReferenceFileError(f"{file}:1: {what}; {model.table} have {', '.join(columns)}")


def _row(file: Path, record: Record, header: list[str], model: type[Row]) -> tuple[int, Row]:
    if isinstance(record, UnreadableRow):
        raise ReferenceFileError(f"{file}:{record.line}: {record.reason}")
    line, cells = record
    try:
        told = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
        return line, model.model_validate({name: cell for name, cell in told.items() if cell})
    except ValidationError as error:
        first = error.errors()[0]
        place = f"{first['loc'][0]}: " if first["loc"] else ""
        raise ReferenceFileError(f"{file}:{line}: {place}{first['msg'].removeprefix('Value error, ')}") from None
