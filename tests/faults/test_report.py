"""What campaigns leave behind: results that add up, and a report of them."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.faults import report
from tests.faults.__main__ import main
from tests.faults.cells import CELLS, Cell
from tests.faults.results import DRAIN, Result, Results

BARRIER = Cell("barrier", "kill-taskmanager")
COMMITTED = Cell("committed", "kill-broker")


def result(cell: Cell, recovery_s: float | None = None, *violations: str) -> Result:
    return Result("2026-01-05T14:30:00+00:00", *cell, 1, recovery_s, 0.5, list(violations))


def test_results_add_up_over_campaigns_and_the_cell_with_the_fewest_runs_is_next(tmp_path: Path) -> None:
    Results(tmp_path).add(result(BARRIER, 8.25))
    results = Results(tmp_path)
    assert results.all == [result(BARRIER, 8.25)]
    assert results.next_cell([BARRIER, COMMITTED]) == COMMITTED
    results.add(result(COMMITTED))
    assert Results(tmp_path).next_cell([BARRIER, COMMITTED]) == BARRIER


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs.jsonl").write_text("{\n")
    with pytest.raises(ValueError, match=r"runs\.jsonl:1: no result"):
        Results(tmp_path)


def test_the_report_counts_runs_and_violations_and_ranks_recoveries(tmp_path: Path) -> None:
    results = Results(tmp_path)
    for seconds in (3.0, 1.0, 2.0):
        results.add(result(BARRIER, seconds))
    results.add(result(BARRIER, 9.0, "uniqueness: <twice>"))
    results.add(result(DRAIN))
    as_json, as_html = report.write(results)
    found = json.loads(as_json.read_text())
    assert (found["runs"], found["violations"], found["drains"]) == (4, 1, {"runs": 1, "violations": 0})
    assert found["cells"] == {"barrier/kill-taskmanager": {"runs": 4, "violations": 1}}
    assert found["faults"]["kill-taskmanager"] == {
        "runs": 4,
        "recovery_p50_s": 2.0,
        "recovery_p99_s": 9.0,
        "recovery_bound_s": 30,
    }
    page = as_html.read_text()
    assert "1 of 4" in page
    assert "uniqueness: &lt;twice&gt;" in page
    assert not re.search(r"(src|href)=|https?:|@import|url\(", page)


def test_without_runs_the_command_only_reports(tmp_path: Path) -> None:
    Results(tmp_path).add(result(BARRIER, 3.0))
    ended = CliRunner().invoke(main, ["--runs", "0", "--results", str(tmp_path)])
    assert ended.exit_code == 0, ended.output
    assert (tmp_path / "report.html").exists()


def test_a_violation_in_the_results_is_the_exit_code(tmp_path: Path) -> None:
    Results(tmp_path).add(result(BARRIER, 3.0, "uniqueness: twice"))
    assert CliRunner().invoke(main, ["--runs", "0", "--results", str(tmp_path)]).exit_code == 1


def test_an_unknown_cell_is_refused_with_those_there_are() -> None:
    ended = CliRunner().invoke(main, ["--cell", "barrier/earthquake"])
    assert ended.exit_code == 2
    assert "kill-taskmanager" in ended.output


def test_every_cell_is_written_as_it_is_read() -> None:
    assert [Cell.parse(str(cell)) for cell in CELLS] == CELLS
