"""What a bounded run wrote, from Flink's part files to one sorted file a resolution."""

from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from services import gaps
from services.csv_text import ROWS_PER_BATCH, header, lines

FORMATS = ("csv", "parquet")
BLOCK_BYTES = 1 << 24
"""Read at a time, and the longest row: a rejected message is part of one."""


def batches(folder: Path, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of a table that Flink wrote as CSV part files, in bounded memory."""
    texts = {field.name: _as_read(field.type) for field in schema}
    for part in sorted(folder.glob("part-*")):
        with arrow_csv.open_csv(
            part,
            read_options=arrow_csv.ReadOptions(column_names=schema.names, block_size=BLOCK_BYTES),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                column_types=texts, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
            ),
        ) as reader:
            for batch in reader:
                columns = [column.cast(field.type) for column, field in zip(batch.columns, schema, strict=True)]
                yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _as_read(kind: pa.DataType) -> pa.DataType:
    # Flink writes 1.08E+3 for 1080, which only the cast from text understands.
    return pa.string() if pa.types.is_decimal(kind) else kind


def spool(folder: Path, schema: pa.Schema) -> pa.Table:
    """The same rows as a table that is mapped from a file beside the folder, not held in memory."""
    file = folder.with_suffix(".arrow")
    with pa.ipc.new_file(str(file), schema) as writer:
        for batch in batches(folder, schema):
            writer.write_batch(batch)
    return pa.ipc.open_file(pa.memory_map(str(file))).read_all()


def ordered(table: pa.Table, keys: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The rows sorted by keys. Only the keys are held in memory: rows that are neighbours already are not copied."""
    pending, rows = [], 0
    for stretch in _stretches(table, keys):
        pending.append(stretch)
        rows += stretch.num_rows
        if rows >= ROWS_PER_BATCH:
            yield from _together(pending)
            pending, rows = [], 0
    if pending:
        yield from _together(pending)


def _stretches(table: pa.Table, keys: Sequence[str]) -> Iterator[pa.Table]:
    order = pc.sort_indices(table.select(keys).combine_chunks(), [(key, "ascending") for key in keys])
    breaks = pc.fill_null(pc.not_equal(pc.pairwise_diff(order), pa.scalar(1, order.type)), True)
    starts = pc.indices_nonzero(breaks).to_pylist()
    for start, end in pairwise([*starts, table.num_rows]):
        yield table.slice(order[start].as_py(), end - start)


def _together(tables: list[pa.Table]) -> Iterator[pa.RecordBatch]:
    yield from pa.concat_tables(tables).combine_chunks().to_batches(ROWS_PER_BATCH)


def filled(rows: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Sorted candles with a flat one in every window between a symbol's first and last that has none."""
    candles = gaps.filled(candle for batch in rows for candle in batch.to_pylist())
    while some := list(islice(candles, ROWS_PER_BATCH)):
        yield pa.RecordBatch.from_pylist(some, schema=schema)


def write(file: Path, schema: pa.Schema, rows: Iterator[pa.RecordBatch]) -> None:
    """Write rows as Parquet or CSV, by the file's name. A file that is there is replaced once all is written.

    The accumulator of a candle is left out: it is for jobs that merge candles, and files are for readers.
    """
    shown = [name for name in schema.names if name != "accumulator"]
    schema, rows = pa.schema([schema.field(name) for name in shown]), (batch.select(shown) for batch in rows)
    partial = file.with_name(f".{file.name}.partial")
    try:
        (_write_parquet if file.suffix == ".parquet" else _write_csv)(partial, schema, rows)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def _write_csv(file: Path, schema: pa.Schema, rows: Iterator[pa.RecordBatch]) -> None:
    with file.open("w", encoding="utf-8", newline="") as out:
        out.write(header(schema.names))
        for batch in rows:
            out.write(lines(batch))


def _write_parquet(file: Path, schema: pa.Schema, rows: Iterator[pa.RecordBatch]) -> None:
    with pq.ParquetWriter(file, schema, compression="zstd") as out:
        for batch in rows:
            out.write_batch(batch)
