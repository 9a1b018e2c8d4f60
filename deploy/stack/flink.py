"""The Flink cluster: one JobManager and one TaskManager, started by the distribution's own scripts."""

import shutil
import sys
from pathlib import Path

from ruamel.yaml import YAML

from deploy import core, paths
from deploy.stack.ports import HOST, Ports

COMMITTED = paths.ROOT / "flink-conf" / "local"


def command(part: str) -> list[str]:
    """What starts the JobManager or the TaskManager, in the foreground."""
    return ["bash", str(core.flink_home() / "bin" / f"{part}.sh"), "start-foreground"]


def environment(folder: Path) -> dict[str, str]:
    """What the scripts need to know."""
    return {
        "JAVA_HOME": str(core.java().parent.parent),
        "FLINK_CONF_DIR": str(folder / "flink" / "conf"),
        "FLINK_LOG_DIR": str(folder / "logs"),
        "FLINK_PID_DIR": str(folder / "flink" / "tmp"),
    }


def prepare(folder: Path, ports: Ports) -> None:
    """Write the configuration of this machine: the distribution's, flink-conf/local, ports and folders."""
    shutil.rmtree(folder / "flink" / "tmp", ignore_errors=True)
    (folder / "flink" / "tmp").mkdir(parents=True)
    conf = folder / "flink" / "conf"
    shutil.copytree(core.flink_home() / "conf", conf, dirs_exist_ok=True)
    shutil.copytree(COMMITTED, conf, dirs_exist_ok=True)
    generated = "".join(f'{name}: "{value}"\n' for name, value in _settings(folder, ports).items())
    config = (COMMITTED / "config.yaml").read_text()
    (conf / "config.yaml").write_text(f"{config}\n# This machine\n{generated}")


def _settings(folder: Path, ports: Ports) -> dict[str, object]:
    return {
        "env.java.opts.all": _java_options(),
        "python.executable": sys.executable,
        "python.client.executable": sys.executable,
        "jobmanager.rpc.address": HOST,
        "jobmanager.rpc.port": ports.flink_rpc,
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


def _java_options() -> str:
    """The module openings that this Flink needs on this Java, as its own configuration lists them."""
    config = YAML(typ="safe").load(core.flink_home() / "conf" / "config.yaml")
    return str(config["env"]["java"]["opts"]["all"])
