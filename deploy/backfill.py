"""`tickloom backfill candles`: the candle job on bounded input, and its part files made into one file a resolution."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from deploy import candle_files, flink
from deploy.errors import UserError
from deploy.trades_input import Files, Trades, is_file
from deploy.trades_topic import Topic
from jobs.settings import Settings
from schemas import resolutions as lengths

END_TIMEOUT_S = 5
JAVA_OPTIONS = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:MaxRAMPercentage=50"
"""Start-up is most of a run, so the JVM compiles quickly rather than well."""
OTHER_STAGES = 2
"""Stages beside the roll-ups: fold, merge and 1s candles. Each has slots of its own, and all run at once."""
FLINK_OPTIONS = {
    "execution.target": "local",
    "execution.batch-shuffle-mode": "ALL_EXCHANGES_PIPELINED",
    "jobmanager.scheduler": "Default",  # the adaptive one starts the stages one after another
    "slot.request.timeout": "30 s",
    "taskmanager.memory.managed.size": "256m",
    "taskmanager.memory.network.min": "128m",
    "taskmanager.memory.network.max": "128m",
}


@dataclass(frozen=True)
class Order:
    """What is wanted: `renames` and `constants` as in services.trades_file.TradesFile."""

    trades: Sequence[str]
    out: Path
    resolutions: Sequence[str]
    format: str
    renames: Mapping[str, str]
    constants: Mapping[str, str]
    settings: Settings


@dataclass(frozen=True)
class Summary:
    """What became of every message read, by rule where it was rejected, and the number of candles by resolution."""

    read: int
    accepted: int
    duplicates: int
    changes: int
    rejected: Mapping[str, int]
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
        _run_job(work, trades, order.resolutions, settings)
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
        raise UserError(f"--out {out}: {error.strerror or error}") from error


def _run_job(work: Path, trades: Trades, published: Sequence[str], settings: Settings) -> None:
    task = {"trades": trades.connector_options(), "out": str(work), "published": list(published)}
    slots = (len(settings.resolutions) + OTHER_STAGES) * settings.parallelism
    options = {**FLINK_OPTIONS, "taskmanager.numberOfTaskSlots": str(slots), "io.tmp.dirs": str(work)}
    command = [*flink.command(options), "-py", str(flink.job_file("backfill")), json.dumps(task)]
    logs = flink.LOGS / "backfill"
    logs.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        **settings.environment(),
        **flink.flink_environment(),
        "FLINK_LOG_DIR": str(logs),
        "FLINK_ENV_JAVA_OPTS_CLI": JAVA_OPTIONS,
    }
    said = work / "flink.out"
    code = _await(command, environment, said)
    if code != 0:
        shutil.copy(said, logs / "backfill.out")
        cause = flink.root_cause(said.read_text(errors="replace"))
        if "OutOfMemoryError" in cause:
            cause += "; the ids of all trades are held in memory: give the input in parts, such as days"
        raise UserError(f"backfill: {cause} (log: {logs / 'backfill.out'})")


def _await(command: Sequence[str], environment: Mapping[str, str], said: Path) -> int:
    """Run in a session of its own, so that the JVM and its Python end together, also on Ctrl-C."""
    with said.open("w") as output:
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            return process.wait()
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_TIMEOUT_S)
        os.killpg(process.pid, signal.SIGKILL)


def _publish(order: Order, work: Path, trades: Trades) -> Summary:
    schema = candle_files.arrow_schema("candle")
    tables = {name: candle_files.spool(work / f"candles_{name}", schema) for name in order.resolutions}
    rejected = candle_files.spool(work / "rejected_trades", candle_files.arrow_schema("rejected_trade"))
    summary = _summary(tables, rejected, _changes(work / "late_trades"), trades)
    _write_rejected(order.out / "rejected.csv", trades, rejected)
    for name, table in tables.items() if summary.accepted else ():
        rows = candle_files.ordered(table, ("symbol", "window_start"))
        candle_files.write(order.out / f"candles_{name}.{order.format}", schema, rows)
    return summary


def _summary(tables: Mapping[str, pa.Table], rejected: pa.Table, changes: int, trades: Trades) -> Summary:
    shortest = tables[min(tables, key=lengths.seconds)]
    accepted, duplicates = _total(shortest["trade_count"]), _total(shortest["duplicate_count"])
    accounted = accepted + duplicates + changes + rejected.num_rows
    read = trades.count(accounted)
    if read != accounted:
        raise UserError(
            f"the trades hold {read:,} messages, but the job's output accounts for {accounted:,}: nothing was written. "
            "If the input did not change meanwhile, this is a bug: please report it"
        )
    rules = Counter(rejected["rule"].to_pylist())
    return Summary(read, accepted, duplicates, changes, rules, {name: table.num_rows for name, table in tables.items()})


def _write_rejected(file: Path, trades: Trades, rejected: pa.Table) -> None:
    if rejected.num_rows == 0:
        file.unlink(missing_ok=True)  # of an earlier run
        return
    in_order = rejected.sort_by([("partition", "ascending"), ("offset", "ascending")])
    table = pa.table({**trades.places(in_order), "rule": in_order["rule"], "reason": in_order["reason"]})
    candle_files.write(file, table.schema, iter(table.combine_chunks().to_batches()))


def _changes(folder: Path) -> int:
    """Cancels and corrections; in a bounded run nothing is late."""
    table = candle_files.spool(folder, candle_files.arrow_schema("late_trades"))
    return _total(table.filter(pc.not_equal(table["reason"], "late"))["trades"])


def _total(column: pa.ChunkedArray) -> int:
    return int(pc.sum(column).as_py() or 0)
