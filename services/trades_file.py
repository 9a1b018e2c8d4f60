"""Reads a trades file, CSV with a header or Parquet, row by row, in the shape of schemas/trade.avsc.

A row that cannot be read is reported with its line and does not end the reading. A row that can be read
is given as it is: whether a trade of size 0 counts is decided by the job, not here.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from schemas.exact import LONG_MAX, Fixed, nanoseconds
from services import trades_cells
from services.records import Aggressor, TradeRecord
from services.trades_cells import TradesFileError, UnreadableRow

REQUIRED = ("ts_event", "symbol", "price", "size")
OPTIONAL = ("trade_id", "sequence", "venue", "conditions", "ts_recv", "aggressor")
COLUMNS = REQUIRED + OPTIONAL

AMOUNT = Fixed(38, 12)

# int() also takes underscores and the digits of every script.
_is_integer = re.compile(r"-?[0-9]{1,20}").fullmatch

# How other tapes call them, so that an error can name the --map that mends it.
_ALIASES = {
    "ts_event": ("timestamp", "time", "ts", "datetime", "date", "exchange_timestamp"),
    "symbol": ("ticker", "instrument", "pair", "product_id", "market"),
    "price": ("px", "trade_price", "rate"),
    "size": ("amount", "quantity", "qty", "volume", "vol", "base_volume"),
}


class Row(NamedTuple):
    """A trade and its line: of the text for CSV (the header is line 1), its number from 1 for Parquet."""

    line: int
    trade: TradeRecord


class BadRow(NamedTuple):
    """A row that is no trade, and why."""

    line: int
    reason: str


@dataclass(frozen=True)
class TradesFile:
    """A trades file: `renames` says which of its columns is ours (`{"ts_event": "timestamp"}`),
    `constants` fills one that it does not have (`{"symbol": "BTC-USD"}`)."""

    path: Path
    renames: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)

    def rows(self) -> Iterator[Row | BadRow]:
        """The rows in the file's order, in bounded memory.

        Raises TradesFileError when there is no such file, it cannot be read, or a required column is missing.
        """
        with trades_cells.opened(self.path) as cells:
            columns = self._columns(cells.header)
            order = _order([*columns, *self.constants])
            extra = [*self.constants.values(), ""]
            for record in cells.records([*columns.values()]):
                if isinstance(record, UnreadableRow):
                    yield BadRow(*record)
                else:
                    yield _row(record[0], order(record[1] + extra))

    def row_count(self) -> int:
        """How many rows the file has; for CSV a quick upper bound, the lines below its header."""
        return trades_cells.row_count(self.path)

    def check(self) -> None:
        """Raises TradesFileError when the columns do not make a trade; reads no further than the header."""
        with trades_cells.opened(self.path) as cells:
            self._columns(cells.header)

    def _columns(self, header: list[str]) -> dict[str, str]:
        """From our names to the file's, for what the file has."""
        self._check_options(header)
        ours = {name: self.renames.get(name, name) for name in COLUMNS if name not in self.constants}
        columns = {name: column for name, column in ours.items() if column in header}
        missing = [name for name in REQUIRED if name not in columns and name not in self.constants]
        if missing:
            raise TradesFileError(_missing(self.path, missing, header))
        return columns

    def _check_options(self, header: list[str]) -> None:
        for name in [*self.renames, *self.constants]:
            if name not in COLUMNS:
                raise TradesFileError(f"a trade has no column {name!r}; it has {', '.join(COLUMNS)}")
        for name, column in self.renames.items():
            if name in self.constants:
                raise TradesFileError(f"{name} is given by both --map and --set; keep one")
            if column not in header:
                raise TradesFileError(f"{self.path}: no column {column} to map; it has {', '.join(header)}")


def _order(names: list[str]) -> Callable[[list[str]], tuple[str, ...]]:
    """Picks the cells of COLUMNS from those of `names`, followed by an empty one for what is absent."""
    return itemgetter(*(names.index(name) if name in names else len(names) for name in COLUMNS))


def _row(line: int, cells: tuple[str, ...]) -> Row | BadRow:
    try:
        return Row(line, _trade(*cells))
    except ValueError as error:
        return BadRow(line, str(error))


def _trade(
    ts_event: str,
    symbol: str,
    price: str,
    size: str,
    trade_id: str,
    sequence: str,
    venue: str,
    conditions: str,
    ts_recv: str,
    aggressor: str,
) -> TradeRecord:
    return {
        "symbol": _required_text("symbol", symbol),
        "venue": _text("venue", venue) or None,
        "trade_id": _text("trade_id", trade_id) or None,
        "sequence": _integer("sequence", sequence.strip()) if sequence else None,
        "ts_event": _time("ts_event", ts_event.strip()),
        "ts_recv": _time("ts_recv", ts_recv.strip()) if ts_recv else None,
        "price": _amount("price", price.strip()),
        "size": _amount("size", size.strip()),
        "conditions": _text("conditions", conditions).split() if conditions else [],
        "action": "new",
        "original_trade_id": None,
        "original_ts_event": None,
        "aggressor": _aggressor(aggressor.strip()),
    }


def _aggressor(text: str) -> Aggressor | None:
    match text:
        case "":
            return None
        case "buy" | "sell":
            return text
    raise ValueError(f"aggressor: {text!r} is neither buy nor sell")


def _amount(column: str, text: str) -> Decimal:
    _require(column, text)
    try:
        return AMOUNT.fit(text)
    except ValueError as error:
        raise ValueError(f"{column}: {error}") from None


def _time(column: str, text: str) -> int:
    _require(column, text)
    try:
        moment = _integer(column, text) if _is_integer(text) else nanoseconds(text)
    except ValueError as error:
        raise ValueError(f"{column}: {error}") from None
    if moment < 0:
        raise ValueError(f"{column}: {text} is before 1970")
    return moment


def _integer(column: str, text: str) -> int:
    if not _is_integer(text) or abs(int(text)) > LONG_MAX:
        raise ValueError(f"{column}: {text!r} is no 64-bit integer")
    return int(text)


def _required_text(column: str, text: str) -> str:
    stripped = _text(column, text)
    _require(column, stripped)
    return stripped


def _require(column: str, text: str) -> None:
    if not text:
        raise ValueError(f"{column} is empty")


def _text(column: str, text: str) -> str:
    # A byte that is not UTF-8 is read as a lone surrogate, which no encoder takes.
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError(f"{column}: {text!r} is not UTF-8")
    return text.strip()


def _missing(path: Path, missing: list[str], header: list[str]) -> str:
    known = {column.lower(): column for column in header}
    remedies = []
    for name in missing:
        alias = next((known[alias] for alias in _ALIASES[name] if alias in known), None)
        fill = f" or --set {name}=VALUE" if name == "symbol" and alias is None else ""
        remedies.append(f"--map {name}={alias or 'COLUMN'}{fill}")
    remedy = " ".join(remedies)
    return f"{path}: no column {', '.join(missing)}; it has {', '.join(header)}. Say where it is: {remedy}"
