"""ZooKeeper, from the Flink distribution: it remembers the jobs and their checkpoints when the JobManager ends."""

import shutil
from pathlib import Path

from deploy import core
from deploy.stack.ports import HOST, Ports

MAIN = "org.apache.flink.shaded.zookeeper3.org.apache.zookeeper.server.quorum.QuorumPeerMain"
TICK_MS = 500
"""Sessions may time out after 2 to 20 of these."""


def command(folder: Path) -> list[str]:
    """What starts the server, once `prepare` has written its settings and flink.prepare those of its log."""
    jars = [jar for name in ("flink-dist-*.jar", "log4j-*.jar") for jar in (core.flink_home() / "lib").glob(name)]
    logging = (folder / "flink" / "conf" / "log4j-console.properties").as_uri()
    return [
        str(core.java()),
        *core.shared_classes("zookeeper"),
        *("-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
        "-Dzookeeper.forceSync=no",  # what it holds is of no use once the machine has stopped
        f"-Dlog4j.configurationFile={logging}",
        *("-cp", ":".join(map(str, sorted(jars)))),
        *(MAIN, str(_properties(folder))),
    ]


def prepare(folder: Path, ports: Ports) -> None:
    """Write the server's settings, and forget what an earlier stack left in it."""
    shutil.rmtree(folder / "zookeeper", ignore_errors=True)
    (folder / "zookeeper").mkdir()
    settings = {
        "dataDir": folder / "zookeeper" / "data",
        "clientPortAddress": HOST,
        "clientPort": ports.zookeeper,
        "tickTime": TICK_MS,
        "admin.enableServer": "false",
        "4lw.commands.whitelist": "ruok",
        "autopurge.purgeInterval": 1,
    }
    _properties(folder).write_text("".join(f"{name}={value}\n" for name, value in settings.items()))


def _properties(folder: Path) -> Path:
    return folder / "zookeeper" / "zoo.cfg"
