"""What Flink's processes tell of themselves, each on a port of its own, in the form that Prometheus reads."""

import shutil
from pathlib import Path

from deploy import core
from deploy.stack.ports import HOST

FACTORY = "org.apache.flink.metrics.prometheus.BoundReporterFactory"
EXCLUDED = "*.KafkaProducer:*;*.KafkaConsumer*:*"
"""What Kafka's clients tell of themselves: two in five of all numbers, and none that is asked for."""


def options(port: int) -> list[str]:
    """Options of a process, so that nothing else that reads the configuration takes its port."""
    reporter = {
        "factory.class": FACTORY,
        "host": HOST,
        "port": port,
        "filter.excludes": EXCLUDED,
        "filterLabelValueCharacters": "false",  # jobs keep their names
    }
    return [f"-Dmetrics.reporter.prometheus.{name}={value}" for name, value in reporter.items()]


def link_plugins(folder: Path) -> None:
    """Give the processes of a stack the reporter as their only plugin: Flink's, which listens on every interface, and
    beside it what makes it listen on one."""
    reporter = plugins(folder) / core.METRICS.extends
    shutil.rmtree(plugins(folder), ignore_errors=True)
    reporter.mkdir(parents=True)
    for jar in [*core.plugin(core.METRICS.extends), core.build(core.METRICS)]:
        (reporter / jar.name).symlink_to(jar)


def plugins(folder: Path) -> Path:
    """Where the processes find their plugins."""
    return folder / "flink" / "plugins"
