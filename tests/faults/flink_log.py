"""Transactions that Flink says it could not commit, from the log of its TaskManager."""

import re
from collections.abc import Iterable
from pathlib import Path

from tests.faults.wire import EndTxn

DISCARDED = ("Unable to commit transaction", "data has been potentially lost")
COMMITTABLE = re.compile(r"producerId=(\d+), epoch=(\d+), transactionalId='?([^',}]+)")


class Discards:
    """The lines about discarded transactions in a log, from where it ends now."""

    def __init__(self, log: Path) -> None:
        self._log, self._position = log, log.stat().st_size

    def new(self) -> list[str]:
        """Those that have come since they were last asked for; the log may have been rotated."""
        if self._log.stat().st_size < self._position:
            self._position = 0
        with self._log.open("rb") as log:
            log.seek(self._position)
            text = log.read().decode(errors="replace")
            self._position = log.tell()
        return [line for line in text.splitlines() if any(words in line for words in DISCARDED)]

    def is_explained(self, line: str, commits: Iterable[EndTxn]) -> bool:
        """Whether the transaction was committed before: a restored job commits again what a checkpoint has pending."""
        found = COMMITTABLE.search(line)
        if not found:
            return False
        producer_id, epoch, transactional_id = int(found[1]), int(found[2]), found[3]
        return any(each[:3] == (transactional_id, producer_id, epoch) for each in commits)
