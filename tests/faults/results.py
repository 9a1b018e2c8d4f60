"""Results of runs: a JSON line each, appended, so that batches of any size add up."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.faults.cells import Cell

RUNS = "runs.jsonl"
DRAIN = Cell("drain", "")
"""Stands for the end of a batch, when feed and job have ended and everything is checked once more."""


@dataclass(frozen=True)
class Result:
    """What came of a run.

    `recovery_s` is the time from the fault to the first completed checkpoint that began after it; None where a new
    job was started from a savepoint, or none came. `load` is that of the machine, a CPU, in the minute before.
    `violations` each begin with the invariant's name.
    """

    at: str
    moment: str
    fault: str
    seed: int
    recovery_s: float | None
    load: float
    violations: list[str]

    @property
    def cell(self) -> Cell:
        """Which cell was run."""
        return Cell(self.moment, self.fault)


class Results:
    """The results in a folder. Raises ValueError naming the line that cannot be read."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self._file = folder, folder / RUNS
        self.all = self._read() if self._file.exists() else []

    def add(self, result: Result) -> None:
        """Append one."""
        self.all.append(result)
        with self._file.open("a") as file:
            file.write(json.dumps(asdict(result)) + "\n")

    def next_cell(self, cells: Sequence[Cell]) -> Cell:
        """The first of the cells that have the fewest runs."""
        runs = self.runs()
        return min(cells, key=lambda cell: runs[cell])

    def runs(self) -> Counter[Cell]:
        """How often each cell was run."""
        return Counter(result.cell for result in self.all)

    def _read(self) -> list[Result]:
        return [self._result(number, line) for number, line in enumerate(self._file.read_text().splitlines(), 1)]

    def _result(self, number: int, line: str) -> Result:
        try:
            return Result(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{self._file}:{number}: no result ({error}): remove the line") from error
