"""What the benchmark found: a table in the terminal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from rich.console import Console
from rich.table import Table

from bench.contest import Run
from bench.output import Verdict

EXPLANATION = """
Each run has new processes, whose CPU this is. Speed is told by the output: when the broker got the
first candle of a second, the trades up to 2 s beyond it had been read. So start-up is not in it. By
the second half of the tape a JVM has compiled most of what is hot: that is the steady state, and
without the compiler's threads what a job pays that runs for long. tickloom validates, finds
duplicates, takes open and close by event time and writes six resolutions, with a rule of every kind
and sale conditions; plain is the same job without these two; all others write one resolution."""

LOST_SHOWN = 0.0005
Figure = Callable[[Run], float]


@dataclass(frozen=True)
class Shown:
    """A figure of a run, what it is called, and whether jobs are compared by it."""

    name: str
    of: Figure
    compared: bool = False


FIGURES = (
    Shown("k/s", lambda run: run.second_half.per_second / 1_000, compared=True),
    Shown("k/CPU-s", lambda run: run.second_half.per_cpu_second / 1_000, compared=True),
    Shown("k/CPU-s less JIT", lambda run: run.second_half.per_cpu_second_compiled / 1_000, compared=True),
    Shown("k/s, all", lambda run: run.whole.per_second / 1_000),
    Shown("peak MB", lambda run: run.peak_memory_bytes / 1e6),
    Shown("broker CPU-s", lambda run: run.whole.broker_cpu_s),
    Shown("others' CPUs", lambda run: run.whole.other_cpus),
)
BUSY_CPUS = 0.3
"""More than the JobManager and this program take: somebody else was at work."""


@dataclass(frozen=True)
class Row:
    """The runs of a job, beside those of the first job: its own are the measure of all."""

    job: str
    runs: Sequence[Run]
    first: Sequence[Run]

    @property
    def right(self) -> list[Run]:
        """What counts."""
        return [run for run in self.runs if run.right]

    def values(self, figure: Shown) -> list[float]:
        """Of the runs that were right."""
        return [figure.of(run) for run in self.right]

    def ratios(self, figure: Shown) -> list[float]:
        """How many times as much the first job does, run by run; nothing for itself."""
        pairs = zip(self.first, self.runs, strict=False)
        return [figure.of(ours) / figure.of(its) for ours, its in pairs if ours.right and its.right and ours is not its]

    def faults(self) -> str:
        """What was wrong with runs that do not count; of the worst."""
        wrong = [run.verdict for run in self.runs if not run.right]
        if not wrong:
            return ""
        return f"{len(wrong)} of {len(self.runs)} wrong: {_told(wrong)}"

    def exceptions(self) -> str:
        """What runs that count got wrong: values that their job does not promise to be right."""
        return _told([run.verdict for run in self.runs if run.right])


def _told(verdicts: Sequence[Verdict]) -> str:
    """What is wrong in the worst of some outputs; nothing where none has anything wrong."""
    worst = max(verdicts, key=lambda each: (abs(each.lost), sum(each.wrong.values())), default=None)
    if worst is None:
        return ""
    lost = [f"{worst.lost:.1%} of trades lost"] if abs(worst.lost) >= LOST_SHOWN else []
    counts = {"missing": worst.missing, "twice": worst.repeated, **worst.wrong}
    told = [*lost, *(f"{count:,} {name}" for name, count in counts.items() if count)]
    return f"{', '.join(told)}; of {worst.windows:,} windows" if told else ""


def rows(runs: Sequence[Run]) -> list[Row]:
    """By job, in the order in which they first ran."""
    of: dict[str, list[Run]] = {}
    for run in runs:
        of.setdefault(run.job, []).append(run)
    first = next(iter(of.values()))
    return [Row(job, own, first) for job, own in of.items()]


def show(console: Console, runs: Sequence[Run], of: str = "trades", explanation: str = EXPLANATION) -> None:
    """Print figures, thousands `of` what, and ratios of medians (least–most). Runs with a wrong output do not count."""
    found = rows(runs)
    compared = [figure for figure in FIGURES if figure.compared]
    _table(console, f"{of}: median (least–most)", found, FIGURES, Row.values)
    if found[1:]:
        _table(console, f"{found[0].job} / the other, run by run", found[1:], compared, Row.ratios, "×", 2)
    console.print(explanation, highlight=False, soft_wrap=True)
    for row in found:
        if faults := row.faults():
            console.print(f"{row.job}: {faults}; these do not count")
        elif exceptions := row.exceptions():
            console.print(f"{row.job}: right but for {exceptions}")
    busiest = max(run.whole.other_cpus for run in runs)
    if busiest > BUSY_CPUS:
        console.print(f"The machine was busy: others used up to {busiest:.1f} CPUs. Trust no figure a second.")


def show_run(console: Console, run: Run) -> None:
    """One line for a run that has ended, and whether its output was right."""
    cost, verdict = run.whole, run.verdict
    wrong = ", ".join(f"{count} {name}" for name, count in verdict.wrong.items() if count) or "none"
    windows = f"{verdict.windows} windows: {verdict.missing} missing, {verdict.repeated} twice, wrong: {wrong}"
    speed = f"{cost.per_second / 1e3:6.0f} k/s, {cost.per_cpu_second / 1e3:5.0f} k per CPU-second"
    console.print(
        f"  {run.job:10}{speed}; {windows}; {'right' if run.right else 'WRONG'}", highlight=False, soft_wrap=True
    )


def spread(values: Sequence[float], unit: str = "", digits: int = 1) -> str:
    """The median, and the least and the most: `3.4× (3.1–3.9)`; a dash for none."""
    if not values:
        return "–"
    digits = 0 if median(values) >= 100 else digits
    return f"{median(values):.{digits}f}{unit} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def _table(
    console: Console,
    title: str,
    found: Sequence[Row],
    figures: Sequence[Shown],
    values: Callable[[Row, Shown], list[float]],
    unit: str = "",
    digits: int = 1,
) -> None:
    table = Table(title, *(figure.name for figure in figures))
    for row in found:
        table.add_row(row.job, *(spread(values(row, figure), unit, digits) for figure in figures))
    console.print(table)
