"""Which stores a command connects to."""

import pytest

from deploy import projections
from deploy.errors import UserError


def test_a_clickhouse_is_looked_at_only_where_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TICKLOOM_CLICKHOUSE_URL", raising=False)
    assert "clickhouse" not in projections.present()
    monkeypatch.setenv("TICKLOOM_CLICKHOUSE_URL", "http://localhost:8123/default")
    assert "clickhouse" in projections.present()


def test_where_none_is_named_the_variable_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TICKLOOM_CLICKHOUSE_URL", raising=False)
    with (
        pytest.raises(UserError, match="TICKLOOM_CLICKHOUSE_URL names no server"),
        projections.connected(["clickhouse"]),
    ):
        pass
