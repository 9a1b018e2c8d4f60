"""The bounded candle job, in a cluster inside a process of its own."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy import flink
from deploy.errors import UserError
from jobs.settings import Settings

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
    try:
        flink.run("backfill", [str(task)], options, settings.environment())
    except UserError as error:
        if "OutOfMemoryError" not in str(error):
            raise
        raise UserError(
            f"{error}; the ids of all trades are held in memory: give the input in parts, such as days"
        ) from error
