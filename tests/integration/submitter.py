"""Submits jobs from a process that stays: with a `flink run` each, most of a test's time is the start of a JVM.

The process reads a line of JSON a job, {"file", "arguments", "environment", "options"}, and answers with {"jobs"} or
{"error"}.
"""

import functools
import json
import os
import runpy
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deploy import flink
from deploy.errors import UserError
from jobs import environment
from jobs.settings import Settings

JOBS_MAX = 2**31 - 1


def run(file: Path, arguments: Sequence[object], settings: Settings) -> None:
    """Run a bounded job's file in a cluster inside the process, to its end."""
    _ask(
        file,
        [str(each) for each in arguments],
        settings.environment(),
        {"execution.target": "local", "execution.attached": "true"},
    )


def flink_run(
    job: str, arguments: Sequence[str], options: Mapping[str, str], environment: Mapping[str, str] | None = None
) -> str:
    """Stands in for `deploy.flink.run` where a bounded job is run."""
    try:
        _ask(flink.job_file(job), list(arguments), environment or {}, {**options, "execution.attached": "true"})
    except AssertionError as error:
        raise UserError(f"{job}: {flink.root_cause(str(error))}") from error
    return ""


def submit(file: Path, variables: Mapping[str, str], options: Mapping[str, str]) -> str:
    """Run a job's file as `flink run` does, with environment variables and Flink options; returns the job's id."""
    (job,) = _ask(file, [], variables, options)
    return job


def _ask(file: Path, arguments: list[str], variables: Mapping[str, str], options: Mapping[str, str]) -> list[str]:
    process = _process()
    assert process.stdin
    assert process.stdout
    jars = ";".join(jar.as_uri() for jar in [*_jars(), *environment.python_jars()])
    given = {"pipeline.jars": jars, "python.executable": sys.executable, "python.client.executable": sys.executable}
    wanted = {"file": str(file), "arguments": arguments, "environment": dict(variables)}
    request = {**wanted, "options": {**given, **options}}
    print(json.dumps(request), file=process.stdin, flush=True)
    answer = json.loads(process.stdout.readline() or '{"error": "the submitter has died"}')
    assert "jobs" in answer, answer["error"]
    return list(answer["jobs"])


@functools.cache
def _process() -> subprocess.Popen[str]:
    """Ends with the input that this process holds."""
    return subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=flink.flink_environment(),
        start_new_session=True,  # Ctrl-C is for this process: the other ends with its input
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
        answer = json.dumps(_answer(**json.loads(line)))
        try:
            print(answer, file=answers)
        except BrokenPipeError:  # who asked was interrupted
            os._exit(1)


def _answer(
    file: str, arguments: list[str], environment: dict[str, str], options: dict[str, str]
) -> dict[str, str | list[str]]:
    before = dict(os.environ)
    try:
        os.environ.update(environment)
        return {"jobs": _run(file, arguments, options)}
    except BaseException:  # also the end of a job that refuses its settings
        return {"error": traceback.format_exc()}
    finally:
        os.environ.clear()
        os.environ.update(before)


def _run(file: str, arguments: list[str], options: dict[str, str]) -> list[str]:
    noted: list[str] = []
    started = environment.started

    def note(result: Any) -> str:
        noted.append(started(result))
        return noted[-1]

    environment.started = note
    try:
        _become_client(options)
        _number_operators_anew()
        sys.argv = [file, *arguments]
        runpy.run_path(file, run_name="__main__")
    finally:
        environment.started = started
    return noted


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
