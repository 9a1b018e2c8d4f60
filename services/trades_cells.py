"""The rows of a CSV or Parquet file as text cells, so that both are read by the same rules."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol, TextIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

PARQUET_SUFFIXES = (".parquet", ".pq")
ROWS_PER_BATCH = 16_384


class TradesFileError(ValueError):
    """The file as a whole cannot be read as trades."""


class UnreadableRow(NamedTuple):
    """A row whose cells cannot be told apart."""

    line: int
    reason: str


Record = tuple[int, list[str]] | UnreadableRow
Records = Iterator[Record]


class Cells(Protocol):
    """A file with named columns."""

    header: list[str]

    def records(self, columns: list[str]) -> Records:
        """The rows, each with its line and the text of the columns asked for."""


@contextmanager
def opened(path: Path) -> Iterator[Cells]:
    """The file's columns, streamed. Raises TradesFileError naming the file when it cannot be read."""
    try:
        if _is_parquet(path):
            with pq.ParquetFile(path) as file:
                yield ParquetCells(path, file)
        else:
            # utf-8-sig drops the byte order mark that spreadsheets write.
            with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as text:
                yield CsvCells(path, text)
    except (OSError, pa.ArrowException) as error:
        raise TradesFileError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from error


def row_count(path: Path) -> int:
    """Rows of a Parquet file, lines below a CSV file's header. Raises TradesFileError as `opened` does."""
    try:
        if _is_parquet(path):
            return int(pq.read_metadata(path).num_rows)
        with path.open("rb") as file:
            line_ends = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
            return line_ends - _ends_with_line_end(file)
    except (OSError, pa.ArrowException) as error:
        raise TradesFileError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from error


def _ends_with_line_end(file: BinaryIO) -> bool:
    file.seek(max(0, file.tell() - 1))
    return file.read() == b"\n"


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() in PARQUET_SUFFIXES


class CsvCells:
    """A CSV file with a header; lines are counted from 1, the header's."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self.path = path
        self.reader = csv.reader(file, strict=True)
        self.header = self._header()

    def records(self, columns: list[str]) -> Records:
        width = len(self.header)
        indexes = [self.header.index(column) for column in columns]
        for record in self._rows():
            if isinstance(record, UnreadableRow):
                yield record
            elif len(record) != width:
                yield UnreadableRow(self.reader.line_num, f"has {len(record)} cells, the header {width}")
            else:
                yield self.reader.line_num, [record[index] for index in indexes]

    def _rows(self) -> Iterator[list[str] | UnreadableRow]:
        while True:
            try:
                for cells in self.reader:
                    if cells:
                        yield cells
                return
            except csv.Error as error:
                yield UnreadableRow(self.reader.line_num, f"is no CSV: {error}")

    def _header(self) -> list[str]:
        try:
            header = [name.strip() for name in next(self.reader, [])]
        except csv.Error as error:
            raise TradesFileError(f"{self.path}: the header is no CSV: {error}") from error
        if not any(header):
            raise TradesFileError(f"{self.path}: is empty; its first line must name the columns")
        repeated = sorted({name for name in header if header.count(name) > 1})
        if repeated:
            raise TradesFileError(f"{self.path}: the header has {', '.join(repeated)} more than once")
        return header


class ParquetCells:
    """A Parquet file; lines are the numbers of its rows, from 1."""

    def __init__(self, path: Path, file: pq.ParquetFile) -> None:
        self.path = path
        self.file = file
        self.header: list[str] = file.schema_arrow.names

    def records(self, columns: list[str]) -> Records:
        self._refuse_inexact(columns)
        line = 0
        for batch in self.file.iter_batches(ROWS_PER_BATCH, columns=columns):
            texts = [_as_text(batch.column(column)) for column in columns]
            for cells in zip(*texts, strict=True):
                line += 1
                yield line, list(cells)

    def _refuse_inexact(self, columns: list[str]) -> None:
        for column in columns:
            kind = self.file.schema_arrow.field(column).type
            if pa.types.is_floating(kind):
                raise TradesFileError(f"{self.path}: {column} is {kind}, not exact; write decimal or string")
            if pa.types.is_timestamp(kind) and kind.tz is None:
                raise TradesFileError(f"{self.path}: {column} is {kind} without a zone; write it with UTC")


def _as_text(column: Any) -> list[str]:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ns", column.type.tz)).cast(pa.int64())
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        column = pc.binary_join(column, " ")
    texts: list[str] = pc.fill_null(column.cast(pa.string()), "").to_pylist()
    return texts
