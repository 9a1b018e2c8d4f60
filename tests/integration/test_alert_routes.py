"""Alerts arrive where deploy/monitoring/alertmanager.yml sends them, by the real Alertmanager."""

import asyncio
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fastapi import HTTPException

from deploy.stack import ports
from deploy.stack.ports import HOST
from services.api.alerts import Alerts
from services.api.answers import AlertAnswer
from tests.integration.alerting import ROUTES, TIMEOUT_S, Routes, alertmanager
from tests.integration.candle_job import wait_until
from tests.integration.receivers import Mail, Request, mail_server, web_server
from tests.monitoring_tools import program

pytestmark = pytest.mark.integration


@pytest.fixture
def routes(tmp_path: Path) -> Iterator[Routes]:
    with alertmanager(tmp_path) as routes:
        yield routes


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


def fires(url: str) -> list[tuple[str, str, str | None]]:
    """What the API tells of the alerts of an Alertmanager."""

    async def ask() -> list[AlertAnswer]:
        alerts = Alerts(url)
        try:
            return await alerts.firing()
        finally:
            await alerts.close()

    return [(each.name, each.severity, each.runbook) for each in asyncio.run(ask())]


def test_the_api_tells_what_fires_the_critical_first_and_not_what_is_silenced(routes: Routes) -> None:
    assert fires(routes.url) == []
    routes.silence("Known")
    for name, severity in (("TradesLate", "warning"), ("Known", "critical"), ("CandleJobMissing", "critical")):
        routes.fire(alertname=name, severity=severity)
    told = [("CandleJobMissing", "critical", "runbooks/X.md"), ("TradesLate", "warning", "runbooks/X.md")]
    wait_until(lambda: fires(routes.url) == told, "the alerts", TIMEOUT_S)


def test_an_alertmanager_that_is_away_is_no_silence() -> None:
    (port,) = ports.free(1)
    with pytest.raises(HTTPException, match="does not tell its alerts"):
        fires(f"http://{HOST}:{port}")
