"""Plans the candle job as `flink run` does, without running it, and prints a JSON object: `uids`, those of the
operators by name, and `plan`, the text of EXPLAIN.
"""

import json
import os
from typing import Any

from deploy import core
from deploy.flink import flink_environment
from jobs import candles, kafka
from jobs.environment import streaming
from jobs.settings import Settings


def plan(settings: Settings) -> dict[str, Any]:
    """What Flink makes of the candle job. Uids count up with everything planned in a process, so they come first."""
    env: Any = streaming(settings, "planning")
    kafka.create_trades(env, settings)
    kafka.create_candles(env, candles.NAME, settings)
    statements: Any = candles.define(env, settings.resolutions)
    planner = env._j_tenv.getPlanner()
    transformations = planner.translate(statements._j_statement_set.getOperations())
    nodes = list(planner.getExecEnv().generateStreamGraph(transformations).getStreamNodes().toArray())
    uids = {str(node.getOperatorName()): str(node.getTransformationUID()) for node in nodes}
    return {"uids": uids, "plan": statements.explain()}


if __name__ == "__main__":
    os.environ.update(flink_environment())
    print(json.dumps(plan(Settings.load({"jars": ",".join(map(str, core.job_jars()))}))), flush=True)
    os._exit(0)  # the gateway's threads would outlive the interpreter
