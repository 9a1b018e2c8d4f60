"""Submits jobs from a process that stays: with a `flink run` each, most of a test's time is the start of a JVM.

The process reads a line of JSON a job, {"file", "environment", "options"}, and answers with {"job"} or {"error"}.
"""

import functools
import json
import os
import runpy
import subprocess
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy import flink
from jobs import environment

JOBS_MAX = 2**31 - 1


def submit(file: Path, variables: Mapping[str, str], options: Mapping[str, str]) -> str:
    """Run a job's file as `flink run` does, with environment variables and Flink options; returns the job's id."""
    process = _process()
    assert process.stdin
    assert process.stdout
    jars = ";".join(jar.as_uri() for jar in [*_jars(), *environment.python_jars()])
    given = {"pipeline.jars": jars, "python.executable": sys.executable, "python.client.executable": sys.executable}
    request = {"file": str(file), "environment": dict(variables), "options": {**given, **options}}
    print(json.dumps(request), file=process.stdin, flush=True)
    answer = json.loads(process.stdout.readline() or '{"error": "the submitter has died"}')
    assert "job" in answer, answer["error"]
    return str(answer["job"])


@functools.cache
def _process() -> subprocess.Popen[str]:
    """Ends with the input that this process holds."""
    return subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **flink.flink_environment()},
    )


def _jars() -> list[Path]:
    return [Path(jar) for jar in flink.flink_environment()["TICKLOOM_JARS"].split(",")]


def main() -> None:
    """Serve until the input ends."""
    from pyflink.util.java_utils import add_jars_to_context_class_loader

    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what jobs and Flink print is no answer
    add_jars_to_context_class_loader([jar.as_uri() for jar in _jars()])
    for line in sys.stdin:
        print(json.dumps(_answer(**json.loads(line))), file=answers)


def _answer(file: str, environment: dict[str, str], options: dict[str, str]) -> dict[str, str]:
    before = dict(os.environ)
    try:
        os.environ.update(environment)
        return {"job": _run(file, options)}
    except BaseException:  # also the end of a job that refuses its settings
        return {"error": traceback.format_exc()}
    finally:
        os.environ.clear()
        os.environ.update(before)


def _run(file: str, options: dict[str, str]) -> str:
    started: list[str] = []
    execute = environment.run

    def noted(statements: Any) -> str:
        started.append(execute(statements))
        return started[-1]

    environment.run = noted
    try:
        _become_client(options)
        _number_operators_anew()
        sys.argv = [file]
        runpy.run_path(file, run_name="__main__")
    finally:
        environment.run = execute
    return started[-1]


def _become_client(options: dict[str, str]) -> None:
    """What `flink run` does before it starts a job's file."""
    from pyflink.common import Configuration
    from pyflink.java_gateway import get_gateway

    configuration = Configuration()
    for name, value in options.items():
        configuration.set_string(name, value)
    jvm = get_gateway().jvm
    jvm.org.apache.flink.client.program.StreamContextEnvironment.setAsContext(
        jvm.org.apache.flink.core.execution.DefaultExecutorServiceLoader(),
        configuration._j_configuration,
        jvm.Thread.currentThread().getContextClassLoader(),
        JOBS_MAX,
        JOBS_MAX,
        False,
        jvm.org.apache.flink.api.common.ApplicationID(),
        None,
        jvm.java.util.ArrayList(),
    )


def _number_operators_anew() -> None:
    """The planner numbers the operators of a JVM; a job finds its state again only when it is the JVM's first."""
    from pyflink.java_gateway import get_gateway

    load = get_gateway().jvm.java.lang.Class.forName
    module = load("org.apache.flink.table.planner.loader.PlannerModule").getDeclaredMethod("getInstance", None)
    module.setAccessible(True)
    planner = module.invoke(None, None)
    loader = planner.getClass().getDeclaredField("submoduleClassLoader")
    loader.setAccessible(True)
    nodes = loader.get(planner).loadClass("org.apache.flink.table.planner.plan.nodes.exec.ExecNodeContext")
    nodes.getMethod("resetIdCounter", None).invoke(None, None)


if __name__ == "__main__":
    main()
