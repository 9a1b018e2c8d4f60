"""The bounded candle job, in a cluster inside a process of its own."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from deploy import flink
from deploy.errors import UserError
from jobs.settings import Settings

END_TIMEOUT_S = 5
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


def run(work: Path, trades: Mapping[str, str], published: Sequence[str], settings: Settings) -> None:
    """Run jobs/backfill.py to the end, with its output and everything temporary under `work`.

    `trades` are options of the `tickloom` connector beside the settings. Raises UserError with the root cause and the
    log's path. However this ends, Flink has ended too.
    """
    task = work / "task.json"
    task.write_text(json.dumps({"trades": dict(trades), "out": str(work), "published": list(published)}))
    slots = (len(settings.resolutions) + OTHER_STAGES) * settings.parallelism
    options = {**FLINK_OPTIONS, "taskmanager.numberOfTaskSlots": str(slots), "io.tmp.dirs": str(work)}
    command = [*flink.command(options), "-py", str(flink.job_file("backfill")), str(task)]
    logs = flink.LOGS / "backfill"
    logs.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        **settings.environment(),
        **flink.flink_environment(),
        "FLINK_LOG_DIR": str(logs),
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
