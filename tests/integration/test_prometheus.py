"""A real Prometheus on what `tickloom monitoring` wrote: targets are up, alerts fire and end."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.stack import ports
from deploy.stack.ports import HOST
from tests.deploy.monitoring.promql import SELECTOR
from tests.integration import stacks
from tests.integration.candle_job import wait_until
from tests.monitoring_tools import program

pytestmark = [pytest.mark.integration, pytest.mark.thorough]

TIMEOUT_S = 120


class Prometheus:
    """Its API."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str, **parameters: str) -> Any:
        """The data of an answer."""
        return (
            httpx.get(f"{self.url}/api/v1/{path}", params=parameters, trust_env=False).raise_for_status().json()["data"]
        )

    @property
    def up(self) -> dict[str, str]:
        """Health of each service that is scraped."""
        return {each["labels"]["service"]: each["health"] for each in self.get("targets")["activeTargets"]}

    @property
    def firing(self) -> set[str]:
        """The alerts that fire."""
        return {each["labels"]["alertname"] for each in self.get("alerts")["alerts"] if each["state"] == "firing"}

    @property
    def rules(self) -> list[dict[str, Any]]:
        """Every rule and how its last evaluation went."""
        return [rule for group in self.get("rules")["groups"] for rule in group["rules"]]


@pytest.fixture
def prometheus(stack_folder: Path, tmp_path: Path) -> Iterator[Prometheus]:
    """On a stack without a job."""
    server = program("prometheus")
    stacks.up(stack_folder)
    folder = tmp_path / "monitoring"
    stacks.tickloom(stack_folder, "monitoring", str(folder))
    (port,) = ports.free(1)
    process = subprocess.Popen(
        [
            server,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address={HOST}:{port}",
        ],
        stdout=(tmp_path / "log").open("w"),
        stderr=subprocess.STDOUT,
    )
    try:
        api = Prometheus(f"http://{HOST}:{port}")
        wait_until(lambda: ready(api), "Prometheus", TIMEOUT_S)
        yield api
    finally:
        process.terminate()
        process.wait(30)


def ready(api: Prometheus) -> bool:
    try:
        return httpx.get(f"{api.url}/-/ready", trust_env=False).is_success
    except httpx.HTTPError:
        return False


def test_alerts_fire_when_no_job_runs_and_when_nothing_answers(prometheus: Prometheus, stack_folder: Path) -> None:
    both = {"jobmanager": "up", "taskmanager": "up"}
    wait_until(lambda: prometheus.up == both, "both targets", TIMEOUT_S)
    wait_until(lambda: prometheus.firing == {"CandleJobMissing"}, "the alert that no job runs", TIMEOUT_S)
    stacks.tickloom(stack_folder, "submit", "candles")
    wait_until(lambda: not prometheus.firing, "its end", TIMEOUT_S)
    assert {rule["name"]: rule["lastError"] for rule in prometheus.rules if rule["health"] != "ok"} == {}
    for rule in prometheus.rules:
        for name, _ in SELECTOR.findall(rule["query"]):
            if "_jobmanager_" in name:
                assert prometheus.get("query", query=name)["result"], name
    stacks.down(stack_folder)
    wait_until(lambda: "TargetDown" in prometheus.firing, "the alert that nothing answers", TIMEOUT_S)
