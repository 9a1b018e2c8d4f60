"""Alerts arrive where deploy/monitoring/alertmanager.yml sends them, by the real Alertmanager."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from ruamel.yaml import YAML

from deploy import paths
from deploy.stack import ports
from deploy.stack.ports import HOST
from tests.integration.candle_job import wait_until
from tests.integration.receivers import Mail, Request, mail_server, web_server
from tests.monitoring_tools import program

pytestmark = pytest.mark.integration

ROUTES = paths.ROOT / "deploy" / "monitoring" / "alertmanager.yml"
CREDENTIALS = "[tickloom]\naws_access_key_id = KEY\naws_secret_access_key = hidden\n"
TIMEOUT_S = 40


@dataclass(frozen=True)
class Routes:
    """An Alertmanager, and the ports that its receivers are on when they are there."""

    url: str
    web_port: int
    mail_port: int

    def fire(self, **labels: str) -> None:
        """Send an alert, as Prometheus does, until it ends in a minute."""
        ends = datetime.now(UTC) + timedelta(minutes=1)
        annotations = {"summary": "what is wrong", "runbook": "runbooks/X.md"}
        alert = {"labels": labels, "annotations": annotations, "endsAt": ends.isoformat()}
        httpx.post(f"{self.url}/api/v2/alerts", json=[alert], trust_env=False).raise_for_status()

    def failed(self, integration: str) -> float:
        """How many requests to receivers of a kind have failed."""
        name = f'alertmanager_notification_requests_failed_total{{integration="{integration}"}} '
        text = httpx.get(f"{self.url}/metrics", trust_env=False).text
        return sum(float(line.removeprefix(name)) for line in text.splitlines() if line.startswith(name))


@pytest.fixture
def routes(tmp_path: Path) -> Iterator[Routes]:
    port, web_port, mail_port = ports.free(3)
    write_configuration(tmp_path, web_port, mail_port)
    url = f"http://{HOST}:{port}"
    process = subprocess.Popen(
        [
            program("prometheus-alertmanager", "alertmanager"),
            "--config.file=alertmanager.yml",
            "--storage.path=data",
            f"--web.listen-address={HOST}:{port}",
            "--cluster.listen-address=",
        ],
        cwd=tmp_path,
        env={"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "secrets" / "aws")},
        stdout=(tmp_path / "log").open("w"),
        stderr=subprocess.STDOUT,
    )
    try:
        wait_until(lambda: answers(f"{url}/-/ready"), "Alertmanager", TIMEOUT_S)
        yield Routes(url, web_port, mail_port)
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


def tried_again(routes: Routes, integration: str) -> Callable[[], bool]:
    return lambda: routes.failed(integration) > 1


def came(requests: list[Request], path: str, text: str) -> Callable[[], bool]:
    return lambda: any(each.path.startswith(path) and text in each.body for each in requests)


def mailed(mails: list[Mail], text: str) -> Callable[[], bool]:
    return lambda: any(text in each.text for each in mails)


def test_the_committed_routes_are_what_alertmanager_accepts() -> None:
    checked = subprocess.run([program("amtool"), "check-config", ROUTES], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_critical_alert_arrives_everywhere_also_where_nobody_answered_for_a_while(routes: Routes) -> None:
    routes.fire(alertname="CandleJobMissing", severity="critical")
    for kind in ("webhook", "slack", "email", "sns"):
        wait_until(tried_again(routes, kind), f"a second attempt by {kind}", TIMEOUT_S)
    with ExitStack() as open_:
        requests = open_.enter_context(web_server(routes.web_port))
        mails = open_.enter_context(mail_server(routes.mail_port))
        for path in ("/webhook", "/slack", "/sns"):
            wait_until(came(requests, path, "CandleJobMissing"), path, TIMEOUT_S)
        wait_until(mailed(mails, "CandleJobMissing"), "the mail", TIMEOUT_S)
    by_path = {each.path.rstrip("/"): each for each in requests}
    assert by_path["/webhook"].authorization == "Bearer token"
    assert "runbooks/X.md" in by_path["/slack"].body
    assert "Credential=KEY/" in by_path["/sns"].authorization
    assert (mails[0].to, mails[0].password) == ("on-call@example.com", "letter")


@pytest.mark.thorough
def test_a_warning_wakes_nobody(routes: Routes) -> None:
    with web_server(routes.web_port) as requests, mail_server(routes.mail_port) as mails:
        routes.fire(alertname="TradesLate", severity="warning")
        wait_until(came(requests, "/webhook", "TradesLate"), "the webhook", TIMEOUT_S)
        wait_until(came(requests, "/slack", "TradesLate"), "the message", TIMEOUT_S)
        time.sleep(2)
        assert not mails
        assert not came(requests, "/sns", "TradesLate")()


@pytest.mark.thorough
def test_a_receiver_that_is_away_keeps_no_other_waiting_and_is_asked_less_and_less(routes: Routes) -> None:
    with web_server(routes.web_port) as requests:
        routes.fire(alertname="CandleJobMissing", severity="critical")
        for path in ("/webhook", "/slack", "/sns"):
            wait_until(came(requests, path, "CandleJobMissing"), path, TIMEOUT_S)
        time.sleep(10)
        assert 2 <= routes.failed("email") <= 10
        assert len(requests) == 3


@pytest.mark.thorough
def test_what_follows_from_a_target_that_is_down_is_not_told(routes: Routes) -> None:
    with web_server(routes.web_port) as requests, mail_server(routes.mail_port):
        routes.fire(alertname="TargetDown", severity="critical")
        routes.fire(alertname="CandleJobMissing", severity="critical")
        wait_until(came(requests, "/webhook", "TargetDown"), "the webhook", TIMEOUT_S)
        time.sleep(2)
        assert not came(requests, "/webhook", "CandleJobMissing")()
