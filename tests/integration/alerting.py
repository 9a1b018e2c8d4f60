"""A real Alertmanager with the committed routes."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from ruamel.yaml import YAML

from deploy import paths
from deploy.stack import ports
from deploy.stack.ports import HOST
from tests.integration.candle_job import wait_until
from tests.monitoring_tools import program

ROUTES = paths.ROOT / "deploy" / "monitoring" / "alertmanager.yml"
CREDENTIALS = "[tickloom]\naws_access_key_id = KEY\naws_secret_access_key = hidden\n"
TIMEOUT_S = 40


@dataclass(frozen=True)
class Routes:
    """An Alertmanager, and the ports that its receivers are on when they are there."""

    url: str
    web_port: int
    mail_port: int
    process: "subprocess.Popen[bytes]"

    def fire(self, **labels: str) -> None:
        """Send an alert, as Prometheus does, until it ends in a minute."""
        ends = datetime.now(UTC) + timedelta(minutes=1)
        annotations = {"summary": "what is wrong", "runbook": "runbooks/X.md"}
        alert = {"labels": labels, "annotations": annotations, "endsAt": ends.isoformat()}
        httpx.post(f"{self.url}/api/v2/alerts", json=[alert], trust_env=False).raise_for_status()

    def silence(self, name: str) -> None:
        """Let nobody hear of alerts of this name for a minute."""
        now = datetime.now(UTC)
        silence = {
            "matchers": [{"name": "alertname", "value": name, "isRegex": False}],
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(minutes=1)).isoformat(),
            "createdBy": "test",
            "comment": "known",
        }
        httpx.post(f"{self.url}/api/v2/silences", json=silence, trust_env=False).raise_for_status()

    def failed(self, integration: str) -> float:
        """How many requests to receivers of a kind have failed."""
        name = f'alertmanager_notification_requests_failed_total{{integration="{integration}"}} '
        text = httpx.get(f"{self.url}/metrics", trust_env=False).text
        return sum(float(line.removeprefix(name)) for line in text.splitlines() if line.startswith(name))


@contextmanager
def alertmanager(folder: Path) -> Iterator[Routes]:
    """One that runs meanwhile."""
    port, web_port, mail_port = ports.free(3)
    write_configuration(folder, web_port, mail_port)
    url = f"http://{HOST}:{port}"
    process = subprocess.Popen(
        [
            program("prometheus-alertmanager", "alertmanager"),
            "--config.file=alertmanager.yml",
            "--storage.path=data",
            f"--web.listen-address={HOST}:{port}",
            "--cluster.listen-address=",
        ],
        cwd=folder,
        env={"AWS_SHARED_CREDENTIALS_FILE": str(folder / "secrets" / "aws")},
        stdout=(folder / "log").open("w"),
        stderr=subprocess.STDOUT,
    )
    try:
        wait_until(lambda: answers(f"{url}/-/ready"), "Alertmanager", TIMEOUT_S)
        yield Routes(url, web_port, mail_port, process)
    finally:
        process.terminate()
        process.wait(20)


def write_configuration(folder: Path, web_port: int, mail_port: int) -> None:
    """The committed one, with addresses of this machine in the place of the examples, and a second to wait."""
    yaml, web = YAML(typ="safe"), f"http://{HOST}:{web_port}"
    config: dict[str, Any] = yaml.load(ROUTES)
    config["global"] |= {"smtp_smarthost": f"{HOST}:{mail_port}", "smtp_require_tls": False}
    config["route"]["group_wait"] = "1s"
    for receiver in config["receivers"]:
        for each in receiver["webhook_configs"]:
            each["url"] = f"{web}/webhook"
        for each in receiver.get("sns_configs", []):
            each["api_url"] = f"{web}/sns"
    with (folder / "alertmanager.yml").open("w") as file:
        yaml.dump(config, file)
    (folder / "secrets").mkdir()
    secrets = {"smtp_password": "letter", "webhook_token": "token", "slack_url": f"{web}/slack", "aws": CREDENTIALS}
    for name, secret in secrets.items():
        (folder / "secrets" / name).write_text(secret)


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.HTTPError:
        return False
