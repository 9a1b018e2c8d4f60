"""`python -m bench jobs` and `peers`: the candle job beside others, on the same topic."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import page, report
from bench.cluster import FOLDER, fresh_stack
from bench.contest import Contest, Run
from bench.flink_jobs import ABOUT
from bench.peers.systems import PEERS
from bench.tape import Tape
from deploy.errors import UserError

JOBS = ("tickloom", "stock")
LEAST = 1_000_000
"""Trades of a tape: ten seconds of event time, enough for windows that close before it ends."""
SLOW = 10
"""Of the tape, the peers in Python get one part in so many."""
symbols_option = click.option("--symbols", default=500, show_default=True, type=click.IntRange(10, 10_000))
repeats_option = click.option(
    "--repeats", default=3, show_default=True, type=click.IntRange(1), help="Runs of each job, in turn."
)
keep_option = click.option("--keep", is_flag=True, help="Leave the stack and its topics for a look.")


@click.command()
@click.option("--trades", default=12_000_000, show_default=True, type=click.IntRange(LEAST, 1_000_000_000))
@symbols_option
@repeats_option
@keep_option
def jobs(trades: int, symbols: int, repeats: int, keep: bool) -> None:
    """Compare the candle job with stock Flink SQL.

    Write a synthetic tape to Kafka and run the candle job, with all its checks, and stock Flink SQL over it, each
    several times.

    Every output is compared with candles computed while the tape was made; a wrong one ends in exit code 1.
    """
    console = Console()
    with fresh_stack(keep, ready) as stack:
        runs = _turns(console, Contest(stack, Tape(trades, symbols)), JOBS, repeats)
    report.show(console, runs)
    for file in page.save("jobs", runs, {"trades": trades, "symbols": symbols}, ABOUT):
        console.print(f"written to {file}", soft_wrap=True)
    if keep:
        console.print(f"the stack still runs; TICKLOOM_STACK_DIR={FOLDER} tickloom down stops it", soft_wrap=True)
    sys.exit(0 if all(run.right for run in runs) else 1)


@click.command()
@click.argument("names", nargs=-1, metavar="[PEER]...")
@click.option("--trades", default=20_000_000, show_default=True, type=click.IntRange(LEAST, 1_000_000_000))
@symbols_option
@repeats_option
def peers(names: tuple[str, ...], trades: int, symbols: int, repeats: int) -> None:
    """Compare the candle job, with all its checks and without, with other systems.

    jet, streams, limit (no engine), bytewax, quix; with all of them by default. They are installed first. All read the
    same topic; bytewax and quix, whose task is in Python, have a topic of their own with a tenth of the trades, and the
    candle job beside them reads that too.

    A peer whose output is wrong is told so and does not count; a wrong output of ours ends in exit code 1.
    """
    console = Console()
    chosen = _known(names)
    for name in chosen:
        with console.status(f"installing {name}"):
            PEERS[name].install()
    slow = [name for name in chosen if PEERS[name].is_slow]
    fast = [name for name in chosen if name not in slow]
    runs: list[Run] = []
    for ours, some, length in (
        (["tickloom", "plain"], fast, trades),
        (["tickloom"], slow, max(trades // SLOW, LEAST)),
    ):
        if some:
            with fresh_stack(False, ready) as stack:
                found = _turns(console, Contest(stack, Tape(length, symbols)), [*ours, *some], repeats)
            report.show(console, found)
            about = ABOUT | {name: PEERS[name].guarantee for name in some}
            for file in page.save("peers", found, {"trades": length, "symbols": symbols}, about):
                console.print(f"written to {file}", soft_wrap=True)
            runs += found
    sys.exit(0 if all(run.right for run in runs if run.job == "tickloom") else 1)


def _known(names: Sequence[str]) -> list[str]:
    for name in names:
        if name not in PEERS:
            raise UserError(f"no peer {name}: {', '.join(PEERS)}")
    return list(names or PEERS)


def write_tape(console: Console, contest: Contest, chosen: Sequence[str]) -> None:
    """Prepare a contest, and show how far it is."""
    with written(console, "writing the tape", contest.tape.trades) as progress:
        contest.prepare(chosen, progress)


@contextmanager
def written(console: Console, what: str, count: int) -> Iterator[Callable[[int], None]]:
    """A bar that is told how many records of so many the broker has."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(what, total=count)
        yield lambda done: progress.update(task, completed=done)
        progress.update(task, completed=count)


def shown(console: Console, label: str, run: Callable[[], Run]) -> Run:
    """Run, and tell of it."""
    with console.status(f"running {label}"):
        found = run()
    report.show_run(console, found)
    return found


def ready(part: str, seconds: float) -> None:
    """Tell that a part of the stack is up."""
    click.echo(f"  {part:12} ready after {seconds:4.1f} s")


def _turns(console: Console, contest: Contest, chosen: Sequence[str], repeats: int) -> list[Run]:
    """Every job once, then again."""
    write_tape(console, contest, chosen)
    return [shown(console, job, partial(contest.run, job)) for _ in range(repeats) for job in chosen]
