"""The alerts that fire, as Alertmanager tells them: what is silenced or follows from another is not among them."""

from typing import Any

import httpx
from fastapi import HTTPException

from services.api.answers import AlertAnswer

TIMEOUT_S = 2
ACTIVE = {"active": "true", "silenced": "false", "inhibited": "false", "unprocessed": "false"}


class Alerts:
    """Asks the Alertmanager at `url`; where there is none, no alert fires. Close it."""

    def __init__(self, url: str | None) -> None:
        self._url = url
        self._client = httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False)

    async def firing(self) -> list[AlertAnswer]:
        """Critical ones first, of these the latest. Raises HTTPException when Alertmanager does not answer."""
        if not self._url:
            return []
        try:
            answer = await self._client.get(f"{self._url}/api/v2/alerts", params=ACTIVE)
            found = [_alert(each) for each in answer.raise_for_status().json()]
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise HTTPException(503, f"Alertmanager at {self._url} does not tell its alerts") from error
        return sorted(found, key=lambda alert: (alert.severity != "critical", -alert.since.timestamp()))

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()


def _alert(told: dict[str, Any]) -> AlertAnswer:
    labels, annotations = told["labels"], told["annotations"]
    name = labels["alertname"]
    return AlertAnswer(
        name=name,
        severity=labels.get("severity", "warning"),
        summary=annotations.get("summary", name),
        since=told["startsAt"],
        runbook=annotations.get("runbook"),
    )
