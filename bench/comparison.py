"""`python -m bench jobs`: the candle job beside stock Flink SQL, on the same topic."""

import sys

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import report
from bench.cluster import FOLDER, fresh_stack
from bench.contest import Contest, Run


@click.command()
@click.option("--trades", default=30_000_000, show_default=True, type=click.IntRange(1_000_000, 1_000_000_000))
@click.option("--symbols", default=500, show_default=True, type=click.IntRange(10, 10_000))
@click.option("--repeats", default=3, show_default=True, type=click.IntRange(1), help="Runs of each job, in turn.")
@click.option("--keep", is_flag=True, help="Leave the stack and its topics for a look.")
def jobs(trades: int, symbols: int, repeats: int, keep: bool) -> None:
    """Compare the candle job with stock Flink SQL.

    Write a synthetic tape to Kafka and run the candle job, with all its checks and without, and stock Flink SQL
    over it, each several times.

    Every output is compared with candles computed while the tape was made; a wrong one ends in exit code 1.
    """
    console = Console()
    with fresh_stack(keep, _ready) as stack:
        contest = Contest(stack, trades, symbols)
        with _progress(console) as progress:
            task = progress.add_task("writing the tape", total=trades)
            contest.prepare(lambda written: progress.update(task, completed=written))
            progress.update(task, completed=trades)
        runs = [_run(console, contest, job) for _ in range(repeats) for job in report.JOBS]
    report.show(console, runs)
    console.print(f"written to {report.save(runs, trades, symbols)}")
    if keep:
        console.print(f"the stack still runs; TICKLOOM_STACK_DIR={FOLDER} tickloom down stops it", soft_wrap=True)
    sys.exit(0 if all(run.right for run in runs) else 1)


def _run(console: Console, contest: Contest, job: str) -> Run:
    with console.status(f"running {job}"):
        run = contest.run(job)
    report.show_run(console, run)
    return run


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )


def _ready(part: str, seconds: float) -> None:
    click.echo(f"  {part:12} ready after {seconds:4.1f} s")
