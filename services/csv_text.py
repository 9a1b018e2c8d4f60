"""Columns of Arrow batches as lines of CSV: exact, vectorised, in plain notation."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

ROWS_PER_BATCH = 65_536


def header(names: list[str]) -> str:
    """The first line of a CSV file."""
    return lines(pa.RecordBatch.from_arrays([pa.array([name]) for name in names], names=names))


def lines(batch: pa.RecordBatch) -> str:
    """A batch as lines, each with its end; null is an empty cell."""
    cells = [_quoted(_text(column)) for column in batch.columns]
    joined = pc.binary_join_element_wise(*cells, ",", null_handling="replace", null_replacement="")
    return "".join(f"{line}\n" for line in joined.to_pylist())


def _text(column: pa.Array) -> pa.Array:
    return plain(column) if pa.types.is_decimal(column.type) else column.cast(pa.string())


def plain(column: pa.Array) -> pa.Array:
    """Decimals as text without an exponent and without trailing zeros: 1080, 0.00000001."""
    text = column.cast(pa.string())
    scientific = pc.fill_null(pc.match_substring(text, "E"), False)
    if pc.any(scientific).as_py():
        spelled = pa.array([f"{value:f}" for value in column.filter(scientific).to_pylist()])
        text = pc.replace_with_mask(text, scientific, spelled)
    return pc.utf8_rtrim(pc.utf8_rtrim(text, "0"), ".") if column.type.scale else text


def _quoted(text: pa.Array) -> Any:
    special = pc.match_substring_regex(text, '[",\r\n]')
    doubled = pc.replace_substring(text, '"', '""')
    return pc.if_else(special, pc.binary_join_element_wise('"', doubled, '"', ""), text)
