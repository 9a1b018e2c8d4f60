"""Runs a job file with Flink's own command line: on a cluster, or in a cluster inside the process for bounded runs."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from deploy import core, paths
from deploy.errors import UserError

LOGS = paths.STATE / "logs"
END_TIMEOUT_S = 5
MAIN_CLASS = "org.apache.flink.client.cli.CliFrontend"
JAVA_OPTIONS = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:MaxRAMPercentage=50")
"""Start-up is most of a run, so the JVM compiles quickly rather than well."""
CAUSES = (
    re.compile(r"^tickloom: ()(.+)$", re.MULTILINE),  # the job's own word
    # A step in Python: its own exception is inside the message of Java's.
    re.compile(r"^Caused by: .*Traceback \(most recent call last\):\n(?:[ \t].*\n)+([\w.]+): (.+)$", re.MULTILINE),
    re.compile(r"^Caused by: ([\w.$]+): (?!Python process exits)(.+)$", re.MULTILINE),
    re.compile(r"^: (java[\w.$]+|org[\w.$]+): (.+)$", re.MULTILINE),  # Java's, without a cause, below py4j's own line
    re.compile(
        r"^(?!WARNING)([\w.]+): (?!java|Python process exits)(.+)$", re.MULTILINE
    ),  # the end of a Python traceback
)
JOB_ID = re.compile(r"[Jj]ob ?[Ii][Dd]:? ?([0-9a-f]{32})")


def run(
    job: str, arguments: Sequence[str], options: Mapping[str, str], environment: Mapping[str, str] | None = None
) -> str:
    """Run jobs/<job>.py with `flink run` and return what it printed.

    Options are Flink's (`execution.target`, `rest.port`); `environment` carries the job's settings, secrets included.
    Raises UserError with the root cause and the log's path.
    """
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        process = launch(job, arguments, options, environment or {}, said)
        try:
            process.wait()
        finally:
            end(process)
        return printed(job, process, said)


def launch(
    job: str, arguments: Sequence[str], options: Mapping[str, str], environment: Mapping[str, str], said: IO[str]
) -> "subprocess.Popen[str]":
    """As `run`, but without waiting for the end; what it prints goes to `said`.

    It is in a session of its own, away from Ctrl-C, so that JVM and Python end together: see `end`.
    """
    return subprocess.Popen(
        [*command(options), "-py", str(job_file(job)), *arguments],
        env=flink_environment(job, environment),
        stdin=subprocess.DEVNULL,
        stdout=said,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def end(process: "subprocess.Popen[str]") -> None:
    """End what is left of a launched process."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_TIMEOUT_S)
        os.killpg(process.pid, signal.SIGKILL)


def printed(job: str, process: "subprocess.Popen[str]", said: IO[str]) -> str:
    """What a process that has ended printed. Raises UserError with the root cause and the log's path if it failed."""
    said.seek(0)
    output = said.read()
    if process.returncode != 0:
        LOGS.mkdir(parents=True, exist_ok=True)
        log = LOGS / f"{Path(job).name}.out"
        log.write_text(output)
        raise UserError(f"{job}: {root_cause(output)} (log: {log})")
    return output


def command(options: Mapping[str, str]) -> list[str]:
    """`flink run` with this Python. Flink's own script would first start another JVM, to read the configuration."""
    defaults = {"python.client.executable": sys.executable, "python.executable": sys.executable}
    flags = [f"-D{name}={value}" for name, value in {**defaults, **options}.items()]
    logging = {"log.file": str(LOGS / "client.log"), "log4j.configurationFile": _conf("log4j-cli.properties").as_uri()}
    return [
        str(core.java()),
        *JAVA_OPTIONS,
        *core.module_openings(),
        *(f"-D{name}={value}" for name, value in logging.items()),
        *("-cp", ":".join(map(str, core.class_path(())))),
        *(MAIN_CLASS, "run", *flags),
    ]


def flink_environment(job: str = "", given: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of Flink's client: this one, what is given, and where Flink, Java and the job's jars are."""
    home = core.flink_home()
    return {
        "FLINK_CONF_DIR": str(_conf()),
        **os.environ,
        **(given or {}),
        "JAVA_HOME": str(core.java().parent.parent),
        "FLINK_HOME": str(home),
        "FLINK_LIB_DIR": str(home / "lib"),
        "FLINK_OPT_DIR": str(home / "opt"),
        "FLINK_PLUGINS_DIR": str(home / "plugins"),
        "FLINK_LOG_DIR": str(LOGS),
        "TICKLOOM_JARS": ",".join(str(jar) for jar in core.job_jars(job)),
    }


def _conf(*name: str) -> Path:
    return core.flink_home().joinpath("conf", *name)


def root_cause(output: str) -> str:
    """The innermost exception of a job's or Flink's output, or the last line when there is none."""
    for pattern in CAUSES:
        found = pattern.findall(output)
        if found:
            name, message = found[-1]
            return f"{name.rsplit('.', 1)[-1]}: {message}" if name else str(message)
    lines = [line for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "no output"


def job_id(output: str) -> str:
    """The id of the job that `run` submitted."""
    match = JOB_ID.search(output)
    if not match:
        raise UserError(f"the job did not report an id: {output[-300:]!r}")
    return match[1]


def job_file(name: str) -> Path:
    """The file of a job. Raises UserError when there is none."""
    file = paths.ROOT / "jobs" / f"{name}.py"
    if not file.exists():
        raise UserError(f"there is no job {name}")
    return file
