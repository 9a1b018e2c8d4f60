"""`tickloom backfill candles`: the candle job on bounded input, and its part files made into one file a resolution."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from deploy import bounded_job, candle_files
from deploy.errors import UserError
from deploy.trades_input import Files, Trades, is_file
from deploy.trades_topic import Topic
from jobs.settings import Settings
from schemas import resolutions as lengths
from schemas.arrow import arrow_schema


@dataclass(frozen=True)
class Order:
    """What is wanted: `renames` and `constants` as in services.trades_file.TradesFile; `fill`: flat candles in gaps."""

    trades: Sequence[str]
    out: Path
    resolutions: Sequence[str]
    format: str
    renames: Mapping[str, str]
    constants: Mapping[str, str]
    settings: Settings
    fill: bool = False


@dataclass(frozen=True)
class Summary:
    """What became of every message read, by rule where one was broken, and the number of candles by resolution."""

    read: int
    accepted: int
    duplicates: int
    changes: int
    rejected: Mapping[str, int]
    flagged: Mapping[str, int]
    candles: Mapping[str, int]

    @property
    def rejected_total(self) -> int:
        """Messages that are no trades."""
        return sum(self.rejected.values())


def cascade(asked: Sequence[str]) -> tuple[str, ...]:
    """The resolutions to compute for those asked: 1s, and each of them rolled up from the one before.

    Raises UserError when they do not divide one another or a day.
    """
    try:
        return lengths.check_cascade(("1s", *sorted(set(asked) - {"1s"}, key=lengths.seconds)))
    except ValueError as error:
        raise UserError(f"--resolution: {error}; resolutions that do not fit together take two runs") from error


def run(order: Order, tell: Callable[[str], None]) -> Summary:
    """Compute the candles and write them under `out`; `tell` hears what is being done.

    Raises UserError when the input cannot be read, the job fails, or messages are lost.
    """
    chain = cascade(order.resolutions)
    with _work_folder(order.out) as work:
        tell("looking at the trades")
        trades = _open(order, work)
        settings = trades.settings(order.settings.model_copy(update={"resolutions": chain}))
        tell("computing candles in Flink")
        bounded_job.run(work, trades.connector_options(), order.resolutions, settings)
        tell("writing candles")
        return _publish(order, work, trades)


def _open(order: Order, work: Path) -> Trades:
    names = list(dict.fromkeys(order.trades))
    if any(is_file(name) for name in names):
        files = Files([Path(name) for name in names], order.renames, order.constants, work)
        files.prepare()
        return files
    if len(names) > 1:
        raise UserError(f"--trades: one topic a run, or any number of files; got {', '.join(names)}")
    if order.renames or order.constants:
        raise UserError(f"--map and --set are for files; {names[0]} is taken for a topic")
    return Topic(names[0], order.settings)


@contextmanager
def _work_folder(out: Path) -> Iterator[Path]:
    """A temporary folder on the disk of the output."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".backfill-", dir=out.resolve()) as folder:
            yield Path(folder)
    except OSError as error:
        raise UserError(f"{error.filename or out}: {error.strerror or error}") from error


def _publish(order: Order, work: Path, trades: Trades) -> Summary:
    schema = arrow_schema("candle")
    tables = {name: candle_files.spool(work / f"candles_{name}", schema) for name in order.resolutions}
    reported = candle_files.spool(work / "rejected_trades", arrow_schema("rejected_trade"))
    is_rejected = pc.equal(reported["severity"], "reject")
    rejected, flagged = reported.filter(is_rejected), reported.filter(pc.invert(is_rejected))
    summary = _summary(tables, rejected, flagged, _changes(work / "late_trades"), trades)
    _write_reported(order.out / "rejected.csv", trades, rejected)
    _write_reported(order.out / "flagged.csv", trades, flagged)
    for name, table in tables.items() if summary.accepted else ():
        rows = candle_files.ordered(table, ("symbol", "window_start"))
        rows = candle_files.filled(rows, schema) if order.fill else rows
        candle_files.write(order.out / f"candles_{name}.{order.format}", schema, rows)
    return summary


def _summary(
    tables: Mapping[str, pa.Table], rejected: pa.Table, flagged: pa.Table, changes: int, trades: Trades
) -> Summary:
    shortest = tables[min(tables, key=lengths.seconds)]
    accepted, duplicates = _total(shortest["trade_count"]), _total(shortest["duplicate_count"])
    accounted = accepted + duplicates + changes + rejected.num_rows
    read = trades.count(accounted)
    if read != accounted:
        raise UserError(
            f"the trades hold {read:,} messages, but the job's output accounts for {accounted:,}: nothing was written. "
            "If the input did not change meanwhile, this is a bug: please report it"
        )
    by_rule, flagged_by_rule = (Counter(broken["rule"].to_pylist()) for broken in (rejected, flagged))
    candles = {name: table.num_rows for name, table in tables.items()}
    return Summary(read, accepted, duplicates, changes, by_rule, flagged_by_rule, candles)


def _write_reported(file: Path, trades: Trades, reported: pa.Table) -> None:
    if reported.num_rows == 0:
        file.unlink(missing_ok=True)  # of an earlier run
        return
    in_order = reported.sort_by([("partition", "ascending"), ("offset", "ascending")])
    table = pa.table({**trades.places(in_order), "rule": in_order["rule"], "reason": in_order["reason"]})
    candle_files.write(file, table.schema, iter(table.combine_chunks().to_batches()))


def _changes(folder: Path) -> int:
    """Cancels and corrections; in a bounded run nothing is late."""
    table = candle_files.spool(folder, arrow_schema("late_trades"))
    return _total(table.filter(pc.not_equal(table["reason"], "late"))["trades"])


def _total(column: pa.ChunkedArray) -> int:
    return int(pc.sum(column).as_py() or 0)
