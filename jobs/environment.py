"""The table environment of a job, and how its statements are started."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs import plans, release
from jobs.settings import Settings, milliseconds
from udfs.functions import ACCUMULATOR

if TYPE_CHECKING:
    from pyflink.table import (
        CompiledPlan,
        EnvironmentSettings,
        StatementSet,
        StreamTableEnvironment,
        TableEnvironment,
        TableResult,
    )

from schemas import ddl

TRADES_COLUMNS = f"""
    symbol STRING,
    rt TIMESTAMP_LTZ(3),
    candle {ACCUMULATOR},
    rejected ROW<{ddl.columns("rejected_trade")}>,
    late ROW<{ddl.columns("late_trades")}>,
    WATERMARK FOR rt AS SOURCE_WATERMARK()
"""
"""Columns of the `tickloom` connector with 'emit' = 'candles': each row sets one of candle, rejected and late."""

TICKS_COLUMNS = f"""
    rt TIMESTAMP_LTZ(3),
    `partition` INT NOT NULL,
    `offset` BIGINT NOT NULL,
    {ddl.columns("trade")},
    WATERMARK FOR rt AS SOURCE_WATERMARK()
"""
"""Columns of the `tickloom` connector with 'emit' = 'ticks': a row a valid trade, for jobs that need every one."""

BARS_COLUMNS = f"""
    symbol STRING,
    rt TIMESTAMP_LTZ(3),
    bar ROW<{ddl.columns("bar")}>,
    late ROW<{ddl.columns("late_trades")}>,
    WATERMARK FOR rt AS SOURCE_WATERMARK()
"""
"""Columns of the `tickloom` connector with 'emit' = 'bars': each row sets one of bar and late."""


def message_columns(made: str, schema: str) -> str:
    """Columns of a connector of messages: each row sets one of what it makes, of that name and schema, and rejected."""
    return f"""
    symbol STRING,
    rt TIMESTAMP_LTZ(3),
    {made} ROW<{ddl.columns(schema)}>,
    rejected ROW<{ddl.columns("rejected_trade")}>,
    WATERMARK FOR rt AS SOURCE_WATERMARK()
"""


QUOTED_TRADES_COLUMNS = f"""
    symbol STRING,
    rt TIMESTAMP_LTZ(3),
    trade ROW<{ddl.columns("quoted_trade")}>,
    flow ROW<{ddl.columns("order_flow")}>,
    rejected ROW<{ddl.columns("rejected_trade")}>,
    WATERMARK FOR rt AS SOURCE_WATERMARK()
"""
"""Columns of the `tickloom-trades-with-quotes` connector: each row sets one of trade, flow and rejected."""

RUNS_COLUMNS = """
    symbol STRING NOT NULL,
    rt TIMESTAMP_LTZ(3),
    venue STRING NOT NULL,
    first_sequence BIGINT,
    last_sequence BIGINT,
    first_ts_event BIGINT NOT NULL,
    last_ts_event BIGINT,
    unknown_condition STRING,
    WATERMARK FOR rt AS SOURCE_WATERMARK()
"""
"""Columns of the `tickloom` connector with 'emit' = 'runs': each row a run of numbers, or an unknown condition."""

PREFIX_PARAMETER = "tickloom.transactional-id-prefix"
"""Global parameter of every job: shown by the cluster, it says whose transactions are the job's."""


def streaming(settings: Settings, name: str, interval: timedelta | None = None) -> "TableEnvironment":
    """A streaming environment; what the cluster decides (state backend, directories) is left to its configuration.

    `interval` is between checkpoints, where it is not that of the setting.
    """
    from pyflink.table import EnvironmentSettings

    env = _environment(EnvironmentSettings.in_streaming_mode(), settings, name)
    _checkpoint(env, interval or settings.checkpoint_interval)
    return env


def with_functions(settings: Settings, name: str) -> "StreamTableEnvironment":
    """As `streaming`, for jobs with a step in Python between their tables."""
    from pyflink.datastream import StreamExecutionEnvironment
    from pyflink.table import StreamTableEnvironment

    env = StreamTableEnvironment.create(StreamExecutionEnvironment.get_execution_environment())
    _configure(env, settings, name, python_jars())
    _keep_timers()
    _checkpoint(env, settings.checkpoint_interval)
    env.get_config().set("python.fn-execution.bundle.time", "100")  # ms a record may wait for others
    env.get_config().set("python.fn-execution.bundle.size", "10000")  # each bundle writes the state of its keys once
    return env


def _keep_timers() -> None:
    """Let PyFlink make our operator of keyed steps, which it looks for by its simple name: Flink's loses timers."""
    from py4j.java_gateway import java_import
    from pyflink.java_gateway import get_gateway

    java_import(get_gateway().jvm, "tickloom.ExternalPythonKeyedProcessOperator")


def bounded(settings: Settings, name: str) -> "TableEnvironment":
    """A batch environment for bounded input: state is sorted runs that spill to disk, and nothing is checkpointed."""
    from pyflink.table import EnvironmentSettings

    return _environment(EnvironmentSettings.in_batch_mode(), settings, name)


def _environment(mode: "EnvironmentSettings", settings: Settings, name: str) -> "TableEnvironment":
    from pyflink.table import TableEnvironment

    env = TableEnvironment.create(mode)
    _configure(env, settings, name)
    return env


def _checkpoint(env: "TableEnvironment", interval: timedelta) -> None:
    config = env.get_config()
    config.set("execution.checkpointing.interval", f"{milliseconds(interval)} ms")
    # The client decides this for the cluster: a job that is cancelled can go on from its last checkpoint.
    config.set("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION")
    config.set("pipeline.auto-watermark-interval", "50 ms")
    config.set("execution.buffer-timeout.interval", "10 ms")  # few rows leave the fold: none waits for others


def python_jars() -> list[Path]:
    """Flink's operators that run Python; they come with the client, a cluster need not have them."""
    import pyflink

    return sorted((Path(pyflink.__file__).parent / "opt").glob("flink-python-*.jar"))


def _configure(env: "TableEnvironment", settings: Settings, name: str, jars: Sequence[Path] = ()) -> None:
    config = env.get_config()
    config.set("pipeline.name", name)
    config.set("pipeline.global-job-parameters", parameters(settings))
    if settings.jars:
        config.set("pipeline.jars", ";".join(jar.as_uri() for jar in [*map(Path, settings.jars), *jars]))
    config.set("parallelism.default", str(settings.parallelism))
    config.set("table.local-time-zone", "UTC")
    config.set("table.optimizer.agg-phase-strategy", "ONE_PHASE")  # rows are folded already: a local phase only buffers
    config.set("table.exec.uid.generation", "ALWAYS")
    for moment in ("compile", "restore"):  # tables are made anew each time: a plan has no options, so no secrets
        config.set(f"table.plan.{moment}.catalog-objects", "IDENTIFIER")


def parameters(settings: Settings, more: Mapping[str, str] | None = None) -> str:
    """What the cluster shows of a job: whose transactions are its own, and what `more` says."""
    told = {PREFIX_PARAMETER: settings.transactional_id_prefix, **(more or {})}
    return ",".join(f"{name}:{value}" for name, value in told.items())


def run(statements: "StatementSet") -> str:
    """Submit the statements of a job without a compiled plan, such as one with steps in Python, and return its id."""
    release.start_at_once()
    return started(statements.execute())


def run_plan(env: "TableEnvironment", statements: "StatementSet", settings: Settings) -> str:
    """Submit the statements of a job that is all SQL, its operators numbered by their roles, and return its id."""
    plan = numbered(statements)
    compiled = load(env, plan)
    this = release.Release.here(settings, plans.operators(plan))
    start = release.await_start(this)
    told = {release.PARAMETER: replace(this, before=start.before).encoded()}
    for name, value in {"pipeline.global-job-parameters": parameters(settings, told), **start.options}.items():
        env.get_config().set(name, value)
    return started(compiled.execute())


def numbered(statements: "StatementSet") -> dict[str, Any]:
    """The compiled plan of the statements, its operators numbered by their roles. Raises PlanError."""
    return plans.numbered(json.loads(statements.compile_plan().as_json_string()))


def load(env: "TableEnvironment", plan: Mapping[str, Any]) -> "CompiledPlan":
    """The plan, ready to run; its tables are those of the environment."""
    from pyflink.table import CompiledPlan, PlanReference

    loaded = env.load_plan(PlanReference.from_json_string(json.dumps(plan)))
    return CompiledPlan(loaded._j_compiled_plan, env)  # PyFlink 2.3 gives it Java's environment, which it cannot use


def started(result: "TableResult") -> str:
    """The id of the job that has been submitted."""
    client = result.get_job_client()
    assert client is not None
    return str(client.get_job_id())
