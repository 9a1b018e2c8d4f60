"""`python -m bench sweep`: how the candle job's speed and memory depend on what it is given."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import click
from rich.console import Console

from bench import page, report
from bench.cluster import fresh_stack
from bench.comparison import ready, shown, write_tape
from bench.contest import Contest, Run
from bench.tape import Tape
from schemas.topics import TRADES

PER_CANDLE = 20
"""Trades of a symbol a second, however many symbols there are."""


@dataclass(frozen=True)
class Point:
    """A way to run the candle job: the tape, settings of the job, options of Flink."""

    label: str
    tape: Tape
    settings: Mapping[str, str | int] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)


def _symbols(trades: int) -> Iterator[Point]:
    for count in (500, 5_000, 50_000, 100_000):
        yield Point(f"{count:,} symbols", Tape(trades, count, per_second=PER_CANDLE * count))


def _length(trades: int) -> Iterator[Point]:
    for length in (trades // 10, trades):
        yield Point(f"{length:,} trades", Tape(length, 500))


def _parallelism(trades: int) -> Iterator[Point]:
    for parallelism in (1, 2):
        yield Point(f"parallelism {parallelism}", Tape(trades, 500), {"parallelism": parallelism})


def _disorder(trades: int) -> Iterator[Point]:
    for disorder_s in (0, 0.1, 1):
        yield Point(f"{disorder_s:g} s of disorder", Tape(trades, 500, disorder_s=disorder_s))


def _checkpoints(trades: int) -> Iterator[Point]:
    for interval in ("1s", "10s", "60s"):
        yield Point(f"a checkpoint every {interval}", Tape(trades, 500), {"checkpoint_interval": interval})


def _payload(trades: int) -> Iterator[Point]:
    for digits in (12, 100, 1_000):
        yield Point(f"ids of {digits:,} digits", Tape(trades, 500, id_digits=digits))


def _backend(trades: int) -> Iterator[Point]:
    for backend in ("hashmap", "rocksdb"):
        yield Point(f"state in {backend}", Tape(trades, 500), options={"state.backend.type": backend})


SWEEPS: Mapping[str, Callable[[int], Iterator[Point]]] = {
    "symbols": _symbols,
    "length": _length,
    "parallelism": _parallelism,
    "disorder": _disorder,
    "checkpoints": _checkpoints,
    "payload": _payload,
    "backend": _backend,
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice([*SWEEPS]), metavar="[SWEEP]...")
@click.option("--trades", default=20_000_000, show_default=True, type=click.IntRange(5_000_000, 1_000_000_000))
@click.option("--repeats", default=3, show_default=True, type=click.IntRange(1), help="Runs of each point, in turn.")
def sweep(names: tuple[str, ...], trades: int, repeats: int) -> None:
    """Run the candle job with one thing changed at a time: symbols, length (of the tape), parallelism, disorder,
    checkpoints, payload, backend (of state); all of them by default.

    Ratios are to the first point of a sweep. A wrong output ends in exit code 1.
    """
    console, right = Console(), True
    for name in names or SWEEPS:
        runs = _swept(console, list(SWEEPS[name](trades)), repeats)
        report.show(console, runs)
        for file in page.save(f"sweep-{name}", runs, {"trades": trades}, {}):
            console.print(f"written to {file}", soft_wrap=True)
        right = right and all(run.right for run in runs)
    sys.exit(0 if right else 1)


def _swept(console: Console, points: Sequence[Point], repeats: int) -> list[Run]:
    """Every point once, then again, on one stack; points of the same tape share its topic."""
    with fresh_stack(False, ready) as stack:
        tapes = dict.fromkeys(point.tape for point in points)
        contests = {tape: Contest(stack, tape, f"{TRADES}.{number}") for number, tape in enumerate(tapes)}
        for contest in contests.values():
            write_tape(console, contest, ["tickloom"])
        return [
            shown(
                console,
                point.label,
                partial(contests[point.tape].run_changed, point.label, point.settings, point.options),
            )
            for _ in range(repeats)
            for point in points
        ]
