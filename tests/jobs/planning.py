"""Plans the candle job as `flink run` does, without running it, and prints a JSON object: `uids`, those of the
operators by name; `plan`, the text of EXPLAIN; `operators`, those with state for each value of the setting
`resolutions` that is given as an argument.
"""

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from deploy import core
from deploy.flink import flink_environment
from jobs import candles, kafka, plans
from jobs.environment import load, numbered, streaming
from jobs.settings import Settings


def planned(settings: Settings) -> tuple[Any, Any]:
    """The environment and the statements of the job."""
    env: Any = streaming(settings, "planning")
    kafka.create_trades(env, settings)
    kafka.create_candles(env, candles.NAME, settings)
    return env, candles.define(env, settings.resolutions)


def plan(settings: Settings) -> dict[str, Any]:
    """What Flink makes of the candle job."""
    env, statements = planned(settings)
    planner = env._j_tenv.getPlanner()
    compiled: Any = load(env, numbered(statements))
    transformations = planner.translatePlan(compiled._j_compiled_plan.unwrap())
    nodes = list(planner.getExecEnv().generateStreamGraph(transformations).getStreamNodes().toArray())
    uids = {str(node.getOperatorName()): str(node.getTransformationUID()) for node in nodes}
    return {"uids": uids, "plan": statements.explain()}


def operators(settings: Settings) -> list[dict[str, Any]]:
    """The operators with state."""
    return [each.to_dict() for each in plans.operators(numbered(planned(settings)[1]))]


def main(resolutions: Sequence[str]) -> None:
    """Print them."""
    given = {"jars": ",".join(map(str, core.job_jars()))}
    found = {each: operators(Settings.load({**given, "resolutions": each})) for each in resolutions}
    print(json.dumps({**plan(Settings.load(given)), "operators": found}), flush=True)


if __name__ == "__main__":
    os.environ.update(flink_environment())
    main(sys.argv[1:])
    os._exit(0)  # the gateway's threads would outlive the interpreter
