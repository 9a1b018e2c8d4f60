"""What campaigns have found so far: for each cell runs and violations, for each fault how long recovery takes."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment

from services.pages import templates
from tests.faults.cells import FAULTS, MOMENTS, Cell
from tests.faults.results import DRAIN, Result, Results

LOAD_MAX = 2.0
"""What stack and harness come to by themselves, a CPU, while a job starts."""
TEMPLATE = "report.html.jinja"


@dataclass(frozen=True)
class Tally:
    """Runs, and how many of them violated an invariant."""

    runs: int
    violations: int

    @classmethod
    def of(cls, results: Sequence[Result]) -> "Tally":
        """Count results."""
        return cls(len(results), sum(bool(result.violations) for result in results))


@dataclass(frozen=True)
class Recovery:
    """How long recovery from a fault takes, over all its moments, in seconds; `bound_s` is the longest allowed."""

    bound_s: float
    seconds: list[float] = field(default_factory=list)

    def quantile(self, share: float) -> float | None:
        """The smallest time that this share of the runs does not exceed (nearest rank)."""
        ranked = sorted(self.seconds)
        return ranked[math.ceil(share * len(ranked)) - 1] if ranked else None


@dataclass(frozen=True)
class Report:
    """Everything in the results, by cell and by fault."""

    at: datetime
    total: Tally
    drains: Tally
    cells: dict[Cell, Tally]
    recoveries: dict[str, Recovery]
    violated: list[Result]
    busy: int
    """Runs on a machine that had other things to do: no recovery time of theirs says much."""

    @classmethod
    def of(cls, results: Iterable[Result]) -> "Report":
        """Sum up results."""
        everything = list(results)
        runs = [result for result in everything if result.cell != DRAIN]
        return cls(
            at=datetime.now(UTC),
            total=Tally.of(runs),
            drains=Tally.of([result for result in everything if result.cell == DRAIN]),
            cells={
                cell: Tally.of([result for result in runs if result.cell == cell])
                for cell in dict.fromkeys(result.cell for result in runs)
            },
            recoveries={fault: _recovery(fault, runs) for fault in FAULTS},
            violated=[result for result in everything if result.violations],
            busy=sum(result.load > LOAD_MAX for result in runs),
        )

    def as_json(self) -> dict[str, object]:
        """As JSON: times in seconds."""
        return {
            "at": self.at.isoformat(timespec="seconds"),
            **asdict(self.total),
            "drains": asdict(self.drains),
            "on_a_busy_machine": self.busy,
            "cells": {str(cell): asdict(tally) for cell, tally in self.cells.items()},
            "faults": {
                fault: {
                    "runs": len(recovery.seconds),
                    "recovery_p50_s": recovery.quantile(0.5),
                    "recovery_p99_s": recovery.quantile(0.99),
                    "recovery_bound_s": recovery.bound_s,
                }
                for fault, recovery in self.recoveries.items()
            },
            "violated": [asdict(result) for result in self.violated],
        }


def write(results: Results) -> tuple[Path, Path]:
    """Write report.json and report.html into the folder of the results; returns their paths."""
    report = Report.of(results.all)
    as_json, as_html = results.folder / "report.json", results.folder / "report.html"
    as_json.write_text(json.dumps(report.as_json(), indent=2) + "\n")
    as_html.write_text(html(report))
    return as_json, as_html


def html(report: Report) -> str:
    """The report as a page: one file that asks the network for nothing."""
    template = _environment().get_template(TEMPLATE)
    return template.render(report=report, moments=MOMENTS, faults=FAULTS, cell=Cell, longest_s=_longest_s(report))


def _longest_s(report: Report) -> float:
    """Where the scale of the picture ends."""
    return max((each for recovery in report.recoveries.values() for each in recovery.seconds), default=1.0)


def _recovery(fault: str, runs: Iterable[Result]) -> Recovery:
    seconds = [run.recovery_s for run in runs if run.fault == fault and run.recovery_s is not None]
    return Recovery(FAULTS[fault].recovery_s_max, seconds)


def _environment() -> Environment:
    made = templates(Path(__file__).parent)
    made.filters["seconds"] = lambda seconds: "–" if seconds is None else f"{seconds:.1f}"
    return made
