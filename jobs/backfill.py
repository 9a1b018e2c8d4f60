"""The candle job on bounded input: files or a topic in, CSV files out. Called by `tickloom backfill`.

Argument: a JSON file with `trades` (options of the `tickloom` connector, beside the settings), `out` (folder) and
`published` (the resolutions to write); settings come from the environment.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jobs import candles, kafka
from jobs.environment import TRADES_COLUMNS, bounded
from jobs.settings import Settings
from schemas import ddl
from udfs import conditions, rules

if TYPE_CHECKING:
    from pyflink.table import TableEnvironment


def create_files(env: "TableEnvironment", settings: Settings, out: str, published: Sequence[str]) -> None:
    """Create the candle job's sink tables as folders of CSV part files; a candle nobody asked for goes nowhere."""
    written = {"rejected_trades", "late_trades", *(f"candles_{resolution}" for resolution in published)}
    for table, _, schema in kafka.candle_sinks(settings):
        files = {"connector": "filesystem", "path": f"file://{out}/{table}", "format": "csv"}
        kafka.create(env, table, ddl.columns(schema), files if table in written else {"connector": "blackhole"})


def main(trades: Mapping[str, str], out: str, published: Sequence[str]) -> None:
    """Run to the end of the input; every window is closed there."""
    settings = Settings.load()
    env = bounded(settings, "tickloom-backfill-candles")
    if "files" in trades:
        options = {
            "connector": "tickloom",
            "conditions": conditions.load(settings.conditions).for_connector(),
            "rules": rules.load(settings.rules).for_connector(),
            **trades,
        }
        kafka.create(env, "trades", TRADES_COLUMNS, options)
    else:
        kafka.create_trades(env, settings, bounded="true", **trades)
    create_files(env, settings, out, published)
    candles.define(env, settings.resolutions, stamped=False).execute().wait()


if __name__ == "__main__":
    main(**json.loads(Path(sys.argv[1]).read_text()))
