"""Dashboards are what their descriptions say, in the form that Grafana reads."""

import pytest
from pydantic import ValidationError

from deploy.monitoring import panels
from deploy.monitoring.panels import COLUMNS, Panel


@pytest.mark.parametrize("name", panels.described())
def test_panels_fill_rows_and_never_lie_on_each_other(name: str) -> None:
    placed = [each["gridPos"] for each in panels.dashboards()[name]["panels"]]
    cells = [(x, each["y"]) for each in placed for x in range(each["x"], each["x"] + each["w"])]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < COLUMNS


def test_a_panel_asks_prometheus_or_the_table_of_candles() -> None:
    found = {
        name: {each["datasource"]["uid"] for each in board["panels"]} for name, board in panels.dashboards().items()
    }
    assert found == {
        "pipeline": {"tickloom-prometheus"},
        "market": {"tickloom-candles"},
        "business": {"tickloom-candles"},
    }


def test_a_panel_that_asks_nothing_or_both_is_refused() -> None:
    for asked in ({}, {"metrics": {"a": "up"}, "sql": "SELECT 1"}):
        with pytest.raises(ValidationError, match="either metrics or sql"):
            Panel(title="Trades", **asked)


def test_the_uids_of_the_data_sources_are_those_that_are_provisioned() -> None:
    provisioned = (panels.DESCRIBED / "provisioning" / "datasources" / "tickloom.yml").read_text()
    for source in (panels.PROMETHEUS, panels.CANDLES):
        assert f"uid: {source['uid']}\n    type: {source['type']}" in provisioned
