"""What a bounded run reads: trades files, or what a topic holds now."""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from deploy.errors import UserError
from jobs.settings import Settings
from services.csv_text import ROWS_PER_BATCH, header, lines
from services.trades_cells import PARQUET_SUFFIXES, TradesFileError
from services.trades_file import COLUMNS, TradesFile

FILE_SUFFIXES = (".csv", ".gz", *PARQUET_SUFFIXES)
LINE_BITS = 40
"""The connector's offset of a row is its file's place in the list and, in these lower bits, its line."""
BLANK_LINES = (b"\n", b"\r\n", b"\r")


class Trades(Protocol):
    """The input of a bounded run."""

    def connector_options(self) -> dict[str, str]:
        """Options of the `tickloom` connector beside the settings."""

    def settings(self, settings: Settings) -> Settings:
        """The settings that make the job read this."""

    def count(self, accounted: int) -> int:
        """How many messages there are, counted apart from the job, which accounted for so many."""

    def places(self, rejected: pa.Table) -> dict[str, Any]:
        """Columns that say where each rejected message is."""


def is_file(name: str) -> bool:
    """Whether a name is a file's rather than a topic's."""
    path = Path(name)
    return path.exists() or "/" in name or path.suffix.lower() in FILE_SUFFIXES


@dataclass(frozen=True)
class Files:
    """CSV files, as they are, and Parquet files, converted to CSV, under plain names in a work folder."""

    paths: Sequence[Path]
    renames: Mapping[str, str]
    constants: Mapping[str, str]
    folder: Path

    def prepare(self) -> None:
        """Check every header and convert what is Parquet. Raises UserError naming the file."""
        try:
            for path, copy in zip(self.paths, self._copies(), strict=True):
                if path.suffix.lower() != ".gz":  # the job checks these
                    TradesFile(path, self.renames, self.constants).check()
                if _is_parquet(path):
                    parquet_to_csv(path, copy, [self.renames.get(name, name) for name in COLUMNS])
                else:
                    copy.symlink_to(path.resolve(strict=True))
        except (TradesFileError, OSError, pa.ArrowException) as error:
            raise UserError(str(error).splitlines()[0]) from error

    def connector_options(self) -> dict[str, str]:
        return {
            "files": ";".join(map(escaped, map(str, self._copies()))),
            **({"columns": _map_option(self.renames)} if self.renames else {}),
            **({"constants": _map_option(self.constants)} if self.constants else {}),
        }

    def settings(self, settings: Settings) -> Settings:
        """One reader for all files: together they are one tape, also for trades that are in two of them."""
        return settings.model_copy(update={"parallelism": 1})

    def count(self, accounted: int) -> int:
        return sum(map(_rows, self._copies()))

    def places(self, rejected: pa.Table) -> dict[str, Any]:
        names = pa.array(list(map(str, self.paths)), pa.string())
        headers = pa.array([1 if _is_parquet(path) else 0 for path in self.paths])  # rows of Parquet count from 1
        number = pc.shift_right(rejected["offset"], LINE_BITS)
        line = pc.bit_wise_and(rejected["offset"], (1 << LINE_BITS) - 1)
        return {"file": pc.take(names, number), "line": pc.subtract(line, pc.take(headers, number))}

    def _copies(self) -> list[Path]:
        return [
            self.folder / f"trades-{number}.csv{'.gz' if path.suffix.lower() == '.gz' else ''}"
            for number, path in enumerate(self.paths)
        ]


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() in PARQUET_SUFFIXES


def _rows(file: Path) -> int:
    """Lines below the header that are not blank."""
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as lines_of:
        next(lines_of, None)
        return sum(line not in BLANK_LINES for line in lines_of)


def escaped(text: str) -> str:
    """A text inside a list or map option of Flink."""
    return "'" + text.replace("'", "''") + "'"


def _map_option(pairs: Mapping[str, str]) -> str:
    return ",".join(escaped(f"{escaped(name)}:{escaped(value)}") for name, value in pairs.items())


def parquet_to_csv(source: Path, target: Path, columns: Sequence[str]) -> None:
    """Write those of the columns that a Parquet file has as CSV, a batch at a time.

    Times become integer nanoseconds, lists texts joined by spaces. Raises TradesFileError for times without a zone.
    """
    with pq.ParquetFile(source) as file, target.open("w", encoding="utf-8", newline="") as out:
        names = [name for name in columns if name in file.schema_arrow.names]
        for name in names:
            _refuse_naive(source, file.schema_arrow.field(name))
        out.write(header(names))
        for batch in file.iter_batches(ROWS_PER_BATCH, columns=names):
            texts = [_one_line(batch.column(name)) for name in names]
            out.write(lines(pa.RecordBatch.from_arrays(texts, names=names)))


def _refuse_naive(source: Path, field: pa.Field) -> None:
    if pa.types.is_timestamp(field.type) and field.type.tz is None:
        raise TradesFileError(f"{source}: {field.name} is {field.type} without a zone; write it with UTC")


def _one_line(column: pa.Array) -> Any:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ns", column.type.tz)).cast(pa.int64())
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        column = pc.binary_join(column, " ")
    return pc.replace_substring_regex(column.cast(pa.string()), "[\r\n]+", " ")
