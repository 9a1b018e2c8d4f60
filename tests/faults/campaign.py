"""Many runs, in batches that share a stack and a job."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.faults import bed
from tests.faults.bed import Batch, Bed
from tests.faults.cells import FAULTS, Cell
from tests.faults.results import Result, Results
from tests.faults.run import drain, run

BATCH_RUNS = 24
"""Runs of a job: then it is drained and everything checked."""

Say = Callable[[str], None]


class Campaign:
    """So many runs of the cells that have the fewest; their results go where those of earlier campaigns are."""

    def __init__(self, results: Results, cells: Sequence[Cell], runs: int, seed: int, say: Say) -> None:
        self._results, self._cells, self._left, self._seed, self._say = results, cells, runs, seed, say

    def go(self) -> None:
        """Run them. What is violated ends a stack, whose folder is kept."""
        while self._left > 0:
            with stack_folder(self._say) as keep, bed.made(keep.folder) as made:
                while self._left > 0 and not keep.kept:
                    keep.kept = not self._batch(made)

    def _batch(self, made: Bed) -> bool:
        """A job's life; whether nothing was violated."""
        cells = [cell for cell in self._cells if made.keeps_jobs or not FAULTS[cell.fault].jobmanager]
        if len(cells) < len(self._cells):
            self._say("no high availability here: without it no job outlives its JobManager, those cells are left out")
        if not cells:
            self._left = 0
            return True
        with Batch(made, self._seed + len(self._results.all)) as batch:
            for _ in range(min(self._left, BATCH_RUNS)):
                cell = self._results.next_cell(cells)
                self._say(f"{self._left:4} left  {cell!s:38}")
                if not self._done(run(batch, cell, self._seed + self._results.runs()[cell])):
                    return False
                self._left -= 1
            return self._done(drain(batch, self._seed))

    def _done(self, result: Result) -> bool:
        self._results.add(result)
        recovery = f"{result.recovery_s:6.1f} s" if result.recovery_s is not None else "       –"
        self._say(f"     {result.cell!s:38}{recovery}  {'; '.join(result.violations) or 'holds'}")
        return not result.violations


class Keep:
    """A folder that is removed unless it is to be kept."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tickloom-faults-"))
        self.kept = False


@contextmanager
def stack_folder(say: Say) -> Iterator[Keep]:
    """A folder for a stack."""
    keep = Keep()
    try:
        yield keep
    finally:
        if keep.kept:
            say(f"logs and data of the violation: {keep.folder}")
        else:
            shutil.rmtree(keep.folder, ignore_errors=True)
