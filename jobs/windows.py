"""Candles that are given while their window is open, or whose windows overlap: merged from the same accumulators.

Rows of (symbol, candle, window_start in nanoseconds, revision, revision_reason, rt), as `jobs.candles` projects them.
"""

from collections.abc import Iterator, Sequence

from jobs.kafka import candle_table
from schemas import resolutions as lengths
from schemas import topics
from schemas.resolutions import Stepped
from udfs import functions

WINDOW_START_NS = "UNIX_TIMESTAMP(DATE_FORMAT(window_start, 'yyyy-MM-dd HH:mm:ss')) * 1000000000"


def stepped(updated: Sequence[str], slid: Sequence[str], resolutions: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """(table, length, rows) of the settings `updating` and `sliding`."""
    for each in map(lengths.stepped, updated):
        yield candle_table(topics.updating(each.length)), each.length, updating(each, resolutions)
    for each in map(lengths.stepped, slid):
        yield candle_table(topics.sliding(*each)), each.length, sliding(each, resolutions)


def updating(stepped: Stepped, resolutions: Sequence[str]) -> str:
    """Every step all of the window so far; `revision` counts the steps, all but the last are 'open'."""
    length_s, step_s = lengths.seconds(stepped.length), lengths.seconds(stepped.step)
    return f"""
        SELECT symbol, candle, window_start_ns AS window_start,
          (elapsed_s - 1) / {step_s} AS revision,
          CAST(CASE WHEN elapsed_s < {length_s} THEN 'open' END AS STRING) AS revision_reason,
          rt
        FROM ({_merged("CUMULATE", stepped, resolutions)})
    """


def sliding(stepped: Stepped, resolutions: Sequence[str]) -> str:
    """A window of the length that begins every step."""
    return f"""
        SELECT symbol, candle, window_start_ns AS window_start,
          0 AS revision, CAST(NULL AS STRING) AS revision_reason, rt
        FROM ({_merged("HOP", stepped, resolutions)})
    """


def _merged(function: str, stepped: Stepped, resolutions: Sequence[str]) -> str:
    step, length = lengths.interval(stepped.step), lengths.interval(stepped.length)
    return f"""
        SELECT symbol, {functions.merge(stepped.length)}(candle) AS candle, {WINDOW_START_NS} AS window_start_ns,
          TIMESTAMPDIFF(SECOND, window_start, window_end) AS elapsed_s, window_time AS rt
        FROM TABLE({function}(TABLE accumulators_{_source(stepped, resolutions)}, DESCRIPTOR(rt), {step}, {length}))
        GROUP BY symbol, window_start, window_end, window_time
    """


def _source(stepped: Stepped, resolutions: Sequence[str]) -> str:
    """The longest accumulators that fit the step: the least to merge."""
    fitting = [each for each in resolutions if lengths.seconds(stepped.step) % lengths.seconds(each) == 0]
    return max(fitting, key=lengths.seconds)
