"""Grafana's dashboards, from their descriptions in grafana/*.toml.

A panel has a title, a width (of 24), and either `metrics`, PromQL by legend, or `sql` on the table of candles.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

DESCRIBED = Path(__file__).parent / "grafana"
HEIGHT, COLUMNS = 8, 24
PROMETHEUS = {"type": "prometheus", "uid": "tickloom-prometheus"}
CANDLES = {"type": "grafana-postgresql-datasource", "uid": "tickloom-candles"}


class Panel(BaseModel):
    """One picture. `unit` is one of Grafana's, such as s, percentunit or short."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    description: str = ""
    kind: Literal["timeseries", "stat", "table", "candlestick", "barchart"] = "timeseries"
    unit: str = "short"
    width: int = 12
    metrics: dict[str, str] = {}
    sql: str = ""

    @model_validator(mode="after")
    def _asks_one(self) -> "Panel":
        if bool(self.metrics) == bool(self.sql):
            raise ValueError(f"{self.title}: either metrics or sql")
        return self


class Variable(BaseModel):
    """What the reader chooses from, as the SQL lists it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    sql: str


class Dashboard(BaseModel):
    """One page."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    period: str
    refresh: str = "5s"
    variables: list[Variable] = []
    panels: list[Panel]


def described() -> dict[str, Dashboard]:
    """By name of the file."""
    return {file.stem: Dashboard(**tomllib.loads(file.read_text())) for file in sorted(DESCRIBED.glob("*.toml"))}


def dashboards() -> dict[str, dict[str, Any]]:
    """Grafana's JSON, by name."""
    return {name: _dashboard(name, each) for name, each in described().items()}


def _dashboard(name: str, dashboard: Dashboard) -> dict[str, Any]:
    return {
        "uid": f"tickloom-{name}",
        "title": dashboard.title,
        "tags": ["tickloom"],
        "schemaVersion": 39,
        "timezone": "utc",
        "refresh": dashboard.refresh,
        "time": {"from": f"now-{dashboard.period}", "to": "now"},
        "templating": {"list": [_variable(each) for each in dashboard.variables]},
        "panels": list(_placed(dashboard.panels)),
    }


def _variable(variable: Variable) -> dict[str, Any]:
    asked = {"type": "query", "datasource": CANDLES, "query": variable.sql, "refresh": 2}
    return {"name": variable.name, **asked}


def _placed(panels: list[Panel]) -> Iterator[dict[str, Any]]:
    """From left to right, in rows of 24 columns."""
    x = y = 0
    for number, panel in enumerate(panels, 1):
        if x + panel.width > COLUMNS:
            x, y = 0, y + HEIGHT
        yield {"id": number, "gridPos": {"x": x, "y": y, "w": panel.width, "h": HEIGHT}, **_panel(panel)}
        x += panel.width


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "title": panel.title,
        "description": panel.description,
        "type": panel.kind,
        "datasource": CANDLES if panel.sql else PROMETHEUS,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [_query(panel)] if panel.sql else list(_expressions(panel.metrics)),
    }


def _query(panel: Panel) -> dict[str, Any]:
    form = "table" if panel.kind == "table" else "time_series"
    return {"refId": "A", "datasource": CANDLES, "format": form, "rawQuery": True, "rawSql": panel.sql.strip()}


def _expressions(metrics: dict[str, str]) -> Iterator[dict[str, Any]]:
    for letter, (legend, expression) in zip("ABCDEFGH", metrics.items(), strict=False):
        yield {"refId": letter, "datasource": PROMETHEUS, "expr": expression.strip(), "legendFormat": legend}
