"""The alerts are what Prometheus accepts, and each is seen to fire and to be silent."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from deploy import paths
from tests.monitoring_tools import program

MONITORING = paths.ROOT / "deploy" / "monitoring"
CASES = [Path(__file__).with_name(name) for name in ("alerts.yml", "alerts_of_days.yml")]


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program("promtool"), *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )


def alerts() -> set[tuple[str, str]]:
    """Name and severity."""
    groups = YAML(typ="safe").load(MONITORING / "alerts.yml")["groups"]
    return {(rule["alert"], rule["labels"]["severity"]) for group in groups for rule in group["rules"]}


def cases() -> list[dict[str, Any]]:
    tests = [test for file in CASES for test in YAML(typ="safe").load(file)["tests"]]
    return [case for test in tests for case in test["alert_rule_test"]]


def test_prometheus_accepts_the_alerts_and_the_configuration() -> None:
    for kind, name in (("rules", "alerts.yml"), ("config", "prometheus.yml")):
        checked = promtool("check", kind, MONITORING / name)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_alert_fires_when_it_should_and_only_then() -> None:
    run = promtool("test", "rules", *CASES)
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_alert_and_severity_is_seen_to_fire() -> None:
    fired = {
        (case["alertname"], alert["exp_labels"]["severity"]) for case in cases() for alert in case["exp_alerts"] or ()
    }
    assert fired == alerts()


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("rule", "other"),
    [("> 300", "> 30000"), ('job_name="tickloom-candles"}[1m]', 'job_name="tickloom-bars"}[1m]'), ("< 9500", "< 5000")],
)
def test_an_alert_that_is_changed_is_found(rule: str, other: str, tmp_path: Path) -> None:
    text = (MONITORING / "alerts.yml").read_text()
    assert rule in text
    (tmp_path / "changed.yml").write_text(text.replace(rule, other))
    cases_of_it = CASES[0].read_text().replace("../../../deploy/monitoring/alerts.yml", "changed.yml")
    (tmp_path / "cases.yml").write_text(cases_of_it)
    run = promtool("test", "rules", tmp_path / "cases.yml")
    assert run.returncode != 0
