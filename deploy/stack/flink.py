"""The Flink cluster: one JobManager and one TaskManager, from the distribution in the environment.

Flink's own scripts would start two more JVMs each time, to work out the memory of the process; here that is
asked for once, so that a killed TaskManager is back sooner.
"""

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from deploy import core, paths
from deploy.errors import UserError
from deploy.stack import metrics
from deploy.stack.ports import HOST, Ports
from deploy.stack.security import Security, write_private
from jobs.environment import python_jars

COMMITTED = paths.ROOT / "flink-conf" / "local"
RESOURCES_TIMEOUT_S = 60
RESOURCES_CLASS = "org.apache.flink.runtime.util.bash.BashJavaUtils"
RESOURCES_PREFIX = "BASH_JAVA_UTILS_EXEC_RESULT:"


@dataclass(frozen=True)
class _Process:
    main: str
    resources: str
    jvm_options: tuple[str, ...]
    compiles: bool


_HOT_ONLY = (
    "-XX:Tier4InvocationThreshold=50000",
    "-XX:Tier4MinInvocationThreshold=6000",
    "-XX:Tier4CompileThreshold=150000",
    "-XX:Tier4BackEdgeThreshold=400000",
)
"""Ten times Java's own: the second compiler begins with what every trade runs through. What a candle runs through would
take it a third of two cores for the first minute.
"""
_MARKED_LATE = ("-XX:InitiatingHeapOccupancyPercent=70", "-XX:-G1UseAdaptiveIHOP")
"""Not Java's own 45 %: with the open windows of 100,000 symbols, a core would look for garbage all the time."""
PROCESSES = {
    "jobmanager": _Process(
        main="org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
        resources="GET_JM_RESOURCE_PARAMS",
        jvm_options=("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),  # a killed one is back sooner
        compiles=False,
    ),
    "taskmanager": _Process(
        main="org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
        resources="GET_TM_RESOURCE_PARAMS",
        jvm_options=("-XX:+UseG1GC", *_MARKED_LATE, *_HOT_ONLY),
        compiles=True,
    ),
}


def commands(folder: Path, ports: Ports) -> dict[str, list[str]]:
    """What starts JobManager and TaskManager, once `prepare` has written their configuration.

    Each serves its metrics on a port of its own.

    Raises UserError with Flink's words when the memory settings of flink-conf/local do not add up.
    """
    metrics_ports = {"jobmanager": ports.jobmanager_metrics, "taskmanager": ports.taskmanager_metrics}
    with ThreadPoolExecutor() as pool:  # a JVM works out the memory of each
        asked = {part: pool.submit(_command, folder, part, port) for part, port in metrics_ports.items()}
    return {part: found.result() for part, found in asked.items()}


def _command(folder: Path, part: str, metrics_port: int) -> list[str]:
    process = PROCESSES[part]
    jvm_options, dynamic_options = _resources(folder, process.resources)
    return [
        str(core.java()),
        *jvm_options,
        *process.jvm_options,
        *(() if process.compiles else core.shared_classes(part)),
        *core.module_openings(),
        f"-Dlog4j.configurationFile={(_conf(folder) / 'log4j-console.properties').as_uri()}",
        # Jobs bring connectors and Python too, but what a cluster has is loaded once for all of them.
        *("-cp", ":".join(map(str, [*core.class_path(), *python_jars()]))),
        process.main,
        *("--configDir", str(_conf(folder))),
        *dynamic_options,
        *metrics.options(metrics_port),
    ]


def environment(folder: Path) -> dict[str, str]:
    """What Flink reads from the environment, here and in its Python workers."""
    home = core.flink_home()
    return {
        "JAVA_HOME": str(core.java().parent.parent),
        "FLINK_HOME": str(home),
        "FLINK_LIB_DIR": str(home / "lib"),
        "FLINK_OPT_DIR": str(home / "opt"),
        "FLINK_PLUGINS_DIR": str(metrics.plugins(folder)),
        "FLINK_CONF_DIR": str(_conf(folder)),
        "FLINK_LOG_DIR": str(folder / "logs"),
    }


def prepare(folder: Path, ports: Ports, security: Security | None) -> None:
    """Write the configuration of this machine: the distribution's, flink-conf/local, ports and folders."""
    for name in ("tmp", "ha"):  # jobs end with their stack: addresses change, and Kafka aborts what waits for long
        shutil.rmtree(folder / "flink" / name, ignore_errors=True)
    (folder / "flink" / "tmp").mkdir(parents=True)
    metrics.link_plugins(folder)
    shutil.copytree(core.flink_home() / "conf", _conf(folder), dirs_exist_ok=True)
    shutil.copytree(COMMITTED, _conf(folder), dirs_exist_ok=True)
    settings = _settings(folder, ports) | (_secured(security) if security else {})
    generated = "".join(f'{name}: "{value}"\n' for name, value in settings.items())
    config = (COMMITTED / "config.yaml").read_text()
    write_private(_conf(folder) / "config.yaml", f"{config}\n# This machine\n{generated}")


def _settings(folder: Path, ports: Ports) -> dict[str, object]:
    return {
        "env.java.opts.all": " ".join(core.module_openings()),
        "python.executable": sys.executable,
        "python.client.executable": sys.executable,
        "jobmanager.rpc.address": HOST,
        "high-availability.zookeeper.quorum": f"{HOST}:{ports.zookeeper}",
        "high-availability.storageDir": (folder / "flink" / "ha").as_uri(),
        "high-availability.jobmanager.port": ports.flink_rpc,
        "jobmanager.bind-host": HOST,
        "blob.server.port": ports.flink_blob,
        "taskmanager.host": HOST,
        "taskmanager.bind-host": HOST,
        "rest.address": HOST,
        "rest.bind-address": HOST,
        "rest.port": ports.flink,
        "io.tmp.dirs": folder / "flink" / "tmp",
        "execution.checkpointing.dir": (folder / "flink" / "checkpoints").as_uri(),
        "execution.checkpointing.savepoint-dir": (folder / "flink" / "savepoints").as_uri(),
        "web.log.path": folder / "logs" / "jobmanager.log",
        "taskmanager.log.path": folder / "logs" / "taskmanager.log",
    }


def _secured(security: Security) -> dict[str, object]:
    """Mutual TLS among Flink's processes, and between its REST API and whoever uses it."""
    stores = {
        "internal.keystore": security.internal,
        "internal.truststore": security.internal,
        "rest.keystore": security.rest,
        "rest.truststore": security.truststore,
    }
    passwords = (f"{name}-password" for name in (*stores, "internal.key", "rest.key"))
    return {
        "security.ssl.internal.enabled": "true",
        "security.ssl.rest.enabled": "true",
        "security.ssl.rest.authentication-enabled": "true",
        **{f"security.ssl.{name}": path for name, path in stores.items()},
        **{f"security.ssl.{name}": security.keystore_password for name in passwords},
    }


def _resources(folder: Path, question: str) -> tuple[list[str], list[str]]:
    """JVM options and `-D` options that the configured memory of a process comes to."""
    quick = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", *core.shared_classes("resources")]
    class_path = _class_path("bin/bash-java-utils.jar", "lib/flink-dist-*.jar")
    command = [str(core.java()), *quick, "-cp", class_path, RESOURCES_CLASS, question]
    result = subprocess.run(
        [*command, "--configDir", str(_conf(folder))],
        capture_output=True,
        text=True,
        timeout=RESOURCES_TIMEOUT_S,
        check=False,
    )
    lines = result.stdout.splitlines()
    answers = [line.removeprefix(RESOURCES_PREFIX) for line in lines if line.startswith(RESOURCES_PREFIX)]
    if len(answers) != 2:
        reason = next((line for line in result.stderr.splitlines() if "Exception" in line), result.stderr[-300:])
        raise UserError(f"Flink refuses {COMMITTED / 'config.yaml'}: {reason}")
    return answers[0].split(), answers[1].split()


def _class_path(*patterns: str) -> str:
    home = core.flink_home()
    return ":".join(str(jar) for pattern in patterns for jar in sorted(home.glob(pattern)))


def _conf(folder: Path) -> Path:
    return folder / "flink" / "conf"
