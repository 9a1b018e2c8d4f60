"""`python -m bench indicators`: how many bars a second a step in Python takes in, in processes and in threads."""

import csv
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import click
from rich.console import Console
from rich.table import Table

from bench.cluster import fresh_stack, new_task_manager
from bench.flink_jobs import await_end, submitted
from bench.meter import machine_cpu_s
from bench.moments import anomalies
from deploy import rest
from deploy.errors import UserError
from deploy.stack import Stack

MODES = ("process", "thread")
TOGETHER_MORE = 8
"""So many times the bars when they come together: a run is to take longer than its start."""
SHORTER = 4
"""A run of a part of the bars is subtracted: what is left has no start in it."""


@dataclass(frozen=True)
class Variant:
    """How bars get to Python: in which of Flink's modes, one at a time or all together that end together."""

    mode: str
    together: bool

    def __str__(self) -> str:
        return f"{self.mode}, {'all that end together' if self.together else 'a bar at a time'}"


VARIANTS = tuple(Variant(mode, together) for together in (False, True) for mode in MODES)


@dataclass(frozen=True)
class Taken:
    """What a number of bars took: seconds on the clock, and CPU seconds of all that ran on the machine."""

    bars: int
    seconds: float
    cpu_s: float

    def __sub__(self, other: "Taken") -> "Taken":
        return Taken(self.bars - other.bars, self.seconds - other.seconds, self.cpu_s - other.cpu_s)


@click.command()
@click.option("--bars", default=800_000, show_default=True, type=click.IntRange(80_000))
@click.option("--symbols", default=500, show_default=True, type=click.IntRange(1))
@click.option("--repeats", default=3, show_default=True, type=click.IntRange(1))
def indicators(bars: int, symbols: int, repeats: int) -> None:
    """Measure a step in Python with state on a stack of its own: a moving average, and what is far from it.

    The anomalies must be those of plain Python; else exit code 1.
    """
    console = Console()
    taken: dict[Variant, list[Taken]] = {variant: [] for variant in VARIANTS}
    with fresh_stack(False, lambda part, seconds: None) as stack:
        for variant in VARIANTS * repeats:
            number = bars * (TOGETHER_MORE if variant.together else 1)
            with console.status(f"running {variant}"):
                last = _run(stack, variant, number, symbols) - _run(stack, variant, number // SHORTER, symbols)
            taken[variant].append(last)
            console.print(
                f"  {variant!s:30} {last.bars / last.seconds:9,.0f} bars/s, {last.bars / last.cpu_s:9,.0f} a CPU second"
            )
    console.print(_table(taken))


def _table(taken: dict[Variant, list[Taken]]) -> Table:
    table = Table("Python in a", "bars a CPU second (least–most)", "bars/s")
    for variant, runs in taken.items():
        speeds = sorted(run.bars / run.cpu_s for run in runs)
        each_second = median(run.bars / run.seconds for run in runs)
        table.add_row(
            str(variant), f"{median(speeds):,.0f} ({speeds[0]:,.0f}–{speeds[-1]:,.0f})", f"{each_second:,.0f}"
        )
    return table


def _run(stack: Stack, variant: Variant, bars: int, symbols: int) -> Taken:
    """A job from start to end. Raises UserError when it fails or finds something else than plain Python does."""
    new_task_manager(stack)
    before = machine_cpu_s()
    job_id, found = watched(stack, variant, bars, symbols)
    cpu_s = machine_cpu_s() - before
    if found != sorted(anomalies(bars, symbols)):
        raise UserError(f"{variant}: other anomalies were found than by plain Python")
    job = rest.of(stack.flink_address).get(f"/jobs/{job_id}")
    return Taken(bars, (job["timestamps"]["FINISHED"] - job["timestamps"]["RUNNING"]) / 1_000, cpu_s)


def watched(stack: Stack, variant: Variant, bars: int, symbols: int) -> tuple[str, list[tuple[int, int, float]]]:
    """Id of a job that has judged so many bars, and the anomalies it found. Raises UserError when it fails."""
    with tempfile.TemporaryDirectory() as out:
        job_id = submitted(stack, "indicators_job", {"bars": bars, "symbols": symbols, **asdict(variant), "out": out})
        await_end(job_id, stack.flink_address)
        return job_id, _found(Path(out))


def _found(folder: Path) -> list[tuple[int, int, float]]:
    parts = (file for file in folder.rglob("*") if file.is_file() and not file.name.startswith((".", "_")))
    rows = (row for part in parts for row in csv.reader(part.open()))
    return sorted((int(symbol), int(number), float(average)) for symbol, number, average in rows)
