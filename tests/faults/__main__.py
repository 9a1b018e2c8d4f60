"""`python -m tests.faults` lets faults happen to a running job, and reports what held."""

import signal
import sys
from pathlib import Path

import click

from tests.faults import report
from tests.faults.campaign import Campaign
from tests.faults.cells import CELLS, FAULTS, MOMENTS, Cell
from tests.faults.results import Results

FOLDER = Path(__file__).parent / "results"


def _cells(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> list[Cell]:
    try:
        return [Cell.parse(text) for text in texts] or CELLS
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


EPILOG = "\b\nMoments:\n" + "\n".join(f"  {name:20}{says}" for name, says in MOMENTS.items())
EPILOG += "\n\n\b\nFaults:\n" + "\n".join(f"  {name:20}{fault.says}" for name, fault in FAULTS.items())


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120}, epilog=EPILOG)
@click.option("--runs", type=click.IntRange(0), default=len(CELLS), show_default=True, help="How many; 0: only report.")
@click.option("--cell", "cells", multiple=True, callback=_cells, metavar="MOMENT/FAULT", help="Only these; all.")
@click.option("--seed", default=0, show_default=True, help="Of the feed and of what is drawn.")
@click.option("--results", "folder", type=click.Path(path_type=Path), default=FOLDER, help="tests/faults/results")
def main(runs: int, cells: list[Cell], seed: int, folder: Path) -> None:
    """Let faults happen to the candle job on a stack of its own, and check from outside that the invariants hold.

    Each run adds a line to runs.jsonl; those cells come first that have the fewest runs, so that campaigns of any
    size add up. Exit code 1 when an invariant was violated in any run so far.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    results = Results(folder)
    try:
        Campaign(results, cells, runs, seed, click.echo).go()
    except KeyboardInterrupt:
        click.echo("stopped; the runs that ended are kept")
    for file in report.write(results):
        click.echo(f"report: {file}")
    sys.exit(any(result.violations for result in results.all))


if __name__ == "__main__":
    main()
