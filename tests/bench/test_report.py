"""What is told of a benchmark: by job, beside the first, without the runs that were wrong."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from bench import page, report
from bench.contest import Cost, Run
from bench.output import VALUES, Verdict

VERDICT = Verdict(windows=10, trades=100, lost=0, missing=0, repeated=0, unexpected=0, wrong=dict.fromkeys(VALUES, 0))


def run(job: str, per_second: float, *, lost: float = 0) -> Run:
    """Of 1,000 trades; every CPU second is a second."""
    cost = Cost(1_000, 1_000 / per_second, 1_000 / per_second, 0, 1, 0)
    return Run(job, cost, cost, 10**9, replace(VERDICT, lost=lost), right=not lost)


RUNS = [run("ours", 900_000), run("theirs", 300_000), run("ours", 800_000), run("theirs", 500_000, lost=0.2)]
SPEED = report.FIGURES[0]


def test_jobs_are_compared_run_by_run_and_wrong_ones_do_not_count() -> None:
    ours, theirs = report.rows(RUNS)

    assert (ours.job, theirs.job) == ("ours", "theirs")
    assert ours.values(SPEED) == [900, 800]
    assert theirs.values(SPEED) == [300]
    assert theirs.ratios(SPEED) == pytest.approx([3])
    assert ours.ratios(SPEED) == []
    assert (ours.faults(), theirs.faults()) == ("", "1 of 2 wrong: 20.0% of trades lost; of 10 windows")


def test_what_a_job_does_not_promise_counts_and_is_told() -> None:
    found = run("stock", 500_000)
    (row,) = report.rows([replace(found, verdict=replace(VERDICT, wrong={**VERDICT.wrong, "open": 4}))])
    assert (row.faults(), row.exceptions()) == ("", "4 open; of 10 windows")


def test_the_table_shows_medians_and_ranges(capsys: pytest.CaptureFixture[str]) -> None:
    report.show(Console(width=200), RUNS)

    shown = capsys.readouterr().out
    assert "850 (800–900)" in shown
    assert "3.00× (3.00–3.00)" in shown
    assert "theirs: 1 of 2 wrong: 20.0% of trades lost; of 10 windows; these do not count" in shown


def test_a_job_that_was_never_right_has_no_figure() -> None:
    assert report.spread([]) == "–"
    _, theirs = report.rows([run("ours", 900_000), run("theirs", 300_000, lost=0.2)])
    assert theirs.ratios(SPEED) == theirs.values(SPEED) == []


def test_results_are_kept_with_machine_and_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "RESULTS", tmp_path)
    as_json, as_html = page.save("peers", RUNS, {"trades": 1_000}, {"theirs": "at least <once>"})

    kept = json.loads(as_json.read_text())
    assert {"at", "commit", "cpus", "processor", "apache-flink"} <= kept.keys()
    assert (kept["trades"], len(kept["runs"])) == (1_000, 4)
    assert kept["runs"][0]["second_half"]["per_second"] == 900_000
    shown = as_html.read_text()
    assert "ours does 3.00× (3.00–3.00)" in shown
    assert "at least &lt;once&gt;" in shown
    assert "1 of 2 wrong" in shown
    assert "http" not in shown
