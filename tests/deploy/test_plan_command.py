"""`tickloom plan diff` on plans in files."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy.commands.plan import plan
from deploy.errors import UserError
from jobs.plans import Operator

TRADES = Operator("source trades", feeds=("tumbling PT1M",))
MINUTES = Operator("tumbling PT1M", ("symbol",), ("candle ROW<…>",), ("sink candles_1m",))
BY_VENUE = Operator("tumbling PT1M", ("symbol", "venue"), ("candle ROW<…>",), ("sink candles_1m",))
SINK = Operator("sink candles_1m")
HOURS = Operator("sink candles_1h")


def diff(folder: Path, old: list[Operator], new: list[Operator]) -> Result:
    for name, operators in (("old", old), ("new", new)):
        (folder / name).write_text(json.dumps([each.to_dict() for each in operators]))
    return CliRunner().invoke(plan, ["diff", str(folder / "old"), str(folder / "new")])


def test_what_is_kept_new_and_dropped_is_told(tmp_path: Path) -> None:
    result = diff(tmp_path, [TRADES, MINUTES, SINK], [TRADES, MINUTES, HOURS])
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "  keeps    source trades",
        "  keeps    tumbling PT1M",
        "  new      sink candles_1h",
        "  drops    sink candles_1m",
    ]


def test_what_cannot_keep_its_state_is_refused_with_the_reason(tmp_path: Path) -> None:
    result = diff(tmp_path, [TRADES, MINUTES, SINK], [TRADES, BY_VENUE, SINK])
    assert isinstance(result.exception, UserError)
    assert "tumbling PT1M keeps its state by symbol, not by symbol, venue" in str(result.exception)


@pytest.mark.parametrize("content", ["", "{}x", '[{"name": "tumbling"}]', "[3]", '{"role": "x"}'])
def test_a_file_that_is_no_plan_is_named(content: str, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(content)
    result = CliRunner().invoke(plan, ["diff", str(file), str(file)])
    assert isinstance(result.exception, UserError)
    assert f"{file} is no plan" in str(result.exception)
