"""`python -m tests.faults.model SEED` prints the history of a seed, one step a line, and what it violates."""

import sys
from itertools import count

import click

from tests.faults.model.cluster import Parts
from tests.faults.model.controls import CONTROLS
from tests.faults.model.history import line, violation


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("seed", type=int)
@click.option("--control", type=click.Choice(list(CONTROLS)), metavar="RULE", help="Break a rule: see `controls.py`.")
def main(seed: int, control: str | None) -> None:
    """Print the history of SEED, one step a line; exit code 1 when it violates an invariant."""
    numbers = count(1)
    parts = CONTROLS[control] if control else Parts()
    found = violation(seed, parts, lambda *step: print(f"{next(numbers):4} {line(*step)}"))
    print(f"seed {seed} violates {found or 'nothing'}")
    sys.exit(found is not None)


if __name__ == "__main__":
    main()
