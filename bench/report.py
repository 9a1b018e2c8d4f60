"""What the benchmark found: a table, bars, and a JSON file."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psutil
from rich.console import Console
from rich.table import Table

from bench.contest import Cost, Run

RESULTS = Path(__file__).parent / "results"
JOBS = ("tickloom", "plain", "stock")
BAR_WIDTH = 50
EXPLANATION = """
Each run has a new TaskManager, whose CPU this is. Speed is told by the output: when the
broker got the first candle of a second, the trades up to 2 s beyond it had been read; with
the last candle all were processed. So start-up is not in it. By the second half of the tape
the JVM has compiled most of what is hot: that is the steady state, and without the compiler's
threads what a job pays that runs for long. tickloom validates, finds duplicates, takes open
and close by event time and writes six resolutions; stock writes one and takes open and close
in the order of arrival. tickloom has a rule of every kind and judges
sale conditions, plain is the same job without."""

Figure = Callable[[Run], float]
FIGURES: dict[str, Figure] = {
    "first candle to last: k trades/s": lambda run: run.whole.per_second / 1_000,
    "k trades/CPU-second": lambda run: run.whole.per_cpu_second / 1_000,
    "second half: k trades/s": lambda run: run.second_half.per_second / 1_000,
    "k trades/CPU-second ": lambda run: run.second_half.per_cpu_second / 1_000,
    "… without the JIT compiler": lambda run: run.second_half.per_cpu_second_compiled / 1_000,
    "peak memory, MB": lambda run: run.peak_memory_bytes / 1e6,
    "broker, CPU-seconds": lambda run: run.whole.broker_cpu_s,
    "all others, CPUs": lambda run: run.whole.other_cpus,
}
RATIOS = list(FIGURES)[:5]
BUSY_CPUS = 0.3
"""More than the JobManager and this program take: somebody else was at work."""


def show(console: Console, runs: Sequence[Run]) -> None:
    """Print the table of medians (least–most), the ratios run by run, and bars."""
    of = {job: [run for run in runs if run.job == job] for job in JOBS}
    ours, *others = JOBS
    table = Table("median (least–most)", *JOBS, *(f"{ours} / {other}" for other in others))
    for name, figure in FIGURES.items():
        ratios = [_ratio(figure, of[ours], of[other]) if name in RATIOS else "" for other in others]
        table.add_row(name.strip(), *(_range([*map(figure, own)]) for own in of.values()), *ratios)
    console.print(table)
    best = max(median(run.second_half.per_second for run in own) for own in of.values())
    for job, own in of.items():
        speed = median(run.second_half.per_second for run in own)
        console.print(f"{job:9}{_bar(speed / best)} {speed / 1_000:.0f} k trades/s", highlight=False, soft_wrap=True)
    console.print(EXPLANATION, highlight=False, soft_wrap=True)
    busiest = max(run.whole.other_cpus for run in runs)
    if busiest > BUSY_CPUS:
        console.print(f"The machine was busy: others used up to {busiest:.1f} CPUs. Trust no figure a second.")


def show_run(console: Console, run: Run) -> None:
    """One line for a run that has ended, and whether its output was right."""
    cost, verdict = run.whole, run.verdict
    wrong = ", ".join(f"{count} {name}" for name, count in verdict.wrong.items() if count) or "none"
    windows = f"{verdict.windows} windows: {verdict.missing} missing, {verdict.repeated} twice, wrong: {wrong}"
    speed = f"{cost.per_second / 1e3:6.0f} k trades/s, {cost.per_cpu_second / 1e3:5.0f} k per CPU-second"
    console.print(
        f"  {run.job:10}{speed}; {windows}; {'right' if run.right else 'WRONG'}", highlight=False, soft_wrap=True
    )


def save(runs: Sequence[Run], trades: int, symbols: int) -> Path:
    """Write bench/results/<time>.json and return its path."""
    RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    file = RESULTS / f"{now:%Y%m%dT%H%M%SZ}.json"
    content = {
        "at": now.isoformat(),
        "cpus": psutil.cpu_count(),
        "trades": trades,
        "symbols": symbols,
        "runs": [
            {
                **asdict(run),
                "right": run.right,
                **{part: _rates(getattr(run, part)) for part in ("whole", "second_half")},
            }
            for run in runs
        ],
    }
    file.write_text(json.dumps(content, indent=2) + "\n")
    return file


def _rates(cost: Cost) -> dict[str, float]:
    return {
        **asdict(cost),
        "per_second": cost.per_second,
        "per_cpu_second": cost.per_cpu_second,
        "per_cpu_second_compiled": cost.per_cpu_second_compiled,
    }


def _ratio(figure: Figure, ones: Sequence[Run], others: Sequence[Run]) -> str:
    return _range([figure(one) / figure(other) for one, other in zip(ones, others, strict=True)], "×", 2)


def _range(values: Sequence[float], unit: str = "", digits: int = 1) -> str:
    digits = 0 if median(values) >= 100 else digits
    return f"{median(values):.{digits}f}{unit} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def _bar(share: float) -> str:
    return "█" * round(BAR_WIDTH * share) + " " * round(BAR_WIDTH * (1 - share))
