"""The folder that Prometheus, Alertmanager and Grafana are started on."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from deploy.monitoring import panels
from deploy.stack import Stack
from deploy.stack.ports import HOST

COMMITTED = Path(__file__).parent
ROUTES = "alertmanager.yml"


def targets(stack: Stack) -> list[tuple[str, str]]:
    """Service and host:port of what serves metrics in a stack."""
    ports = stack.ports
    return [
        ("jobmanager", f"{HOST}:{ports.jobmanager_metrics}"),
        ("taskmanager", f"{HOST}:{ports.taskmanager_metrics}"),
    ]


def write(folder: Path, scraped: Iterable[tuple[str, str]]) -> None:
    """Write everything; `scraped` are services and addresses. Routes that are there already are kept."""
    (folder / "targets").mkdir(parents=True, exist_ok=True)
    for name in ("prometheus.yml", "alerts.yml"):
        shutil.copy(COMMITTED / name, folder)
    if not (folder / ROUTES).exists():
        shutil.copy(COMMITTED / ROUTES, folder)
    shutil.copytree(COMMITTED / "runbooks", folder / "runbooks", dirs_exist_ok=True)
    groups = [{"targets": [address], "labels": {"service": service}} for service, address in scraped]
    _replace(folder / "targets" / "tickloom.json", json.dumps(groups, indent=2))
    shutil.copytree(COMMITTED / "grafana" / "provisioning", folder / "grafana" / "provisioning", dirs_exist_ok=True)
    (folder / "grafana" / "dashboards").mkdir(exist_ok=True)
    for name, dashboard in panels.dashboards().items():
        (folder / "grafana" / "dashboards" / f"{name}.json").write_text(json.dumps(dashboard, indent=2) + "\n")


def _replace(file: Path, text: str) -> None:
    """At once: Prometheus reads it whenever it changes."""
    partial = file.with_suffix(".partial")
    partial.write_text(text + "\n")
    partial.rename(file)
