"""The reconcile job: the only writer of revisions.

    late_trades ─ by symbol: recompute, roll up, compare ─┬─ revisions ──→ the candle topics
                                                          ├─ later than the horizon ──→ expired_trades
                                                          └─ what a reader should know ──→ quality_events

Rows of md.late.v1 are its triggers. What it needs to know of trades and candles it looks up when there is something to
do: no trigger, no work.
"""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobs import kafka, records, topics
from jobs.environment import run, with_functions
from jobs.settings import Settings, SettingsError

if TYPE_CHECKING:
    from pyflink.table import StatementSet, StreamTableEnvironment

NAME = "reconcile"


def define(env: "StreamTableEnvironment", settings: Settings) -> "StatementSet":
    """From the table `late_trades` to one table a topic that is written, named as in `kafka.revision_sinks`."""
    from jobs.reconciler import Reconciler

    query = "SELECT symbol, `value` FROM late_trades"
    return records.by_symbol(env, NAME, query, Reconciler(settings), kafka.revision_sinks(settings))


def main(arguments: Sequence[str]) -> None:
    """Run on Kafka, where missing topics are created first. The schemas must be registered there."""
    settings = Settings.from_arguments(arguments)
    topics.prepare(settings, NAME)
    env = with_functions(settings, f"tickloom-{NAME}")
    kafka.create_triggers(env, NAME, settings)
    kafka.create_encoded(env, NAME, settings, kafka.revision_sinks(settings))
    run(define(env, settings))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SettingsError as error:
        sys.exit(f"tickloom: {error}")
