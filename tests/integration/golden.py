"""Small savepoints that each release leaves for those after it; `python -m tests.integration.golden` makes this one's.

They were made in the middle of a tape: the last minute, its last second and a bar are open, and ids are remembered.
"""

import shutil
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlparse

from deploy.stack import Stack
from jobs.settings import Settings
from services.oracle import SECOND_NS
from services.records import TradeRecord
from tests.integration import stacks
from tests.integration.candle_job import START_NS, CandleJob, Feed, settings, wait_until
from tests.services.tape import trade

FOLDER = Path(__file__).parent / "savepoints"
JOBS = ("candles", "bars")
SYMBOLS = ("A", "B")
"""Each has a partition of its own."""
STOPPED = 100
"""Second of the tape after which the job was stopped; START_NS is twenty seconds into a minute."""
CLOSED_NS = START_NS + (STOPPED - 1) * SECOND_NS
"""What ended by then was published before."""


def fed(stack: Stack, job: str) -> Feed:
    """The topic that a job's savepoint knows, empty."""
    return Feed(stack, partitions=len(SYMBOLS), name=f"golden.{job}")


def chosen(stack: Stack, feed: Feed) -> Settings:
    """Settings of the jobs whose state is kept; later releases must still know them."""
    return settings(
        stack, feed, out_of_orderness="1s", parallelism=1, resolutions="1s,1m", bars="tick=30,volume_run=30"
    )


def send(feed: Feed, seconds: range) -> list[TradeRecord]:
    """Send a trade a second and symbol, with a copy of every tenth; returns them."""
    sent = [each for second in seconds for each in _second(feed, second)]
    for each in sent:
        feed.send(SYMBOLS.index(each["symbol"][-1]), each)
    feed.flush()
    return sent


def _second(feed: Feed, second: int) -> Iterator[TradeRecord]:
    for symbol in SYMBOLS:
        made = trade(
            START_NS + second * SECOND_NS,
            str(1_000 + second),
            symbol=feed.symbol(symbol),
            venue="X",
            trade_id=str(second),
        )
        yield from [made] * (1 + (second % 10 == 0))


def make(stack: Stack, job: str, folder: Path) -> None:
    """Run a job to the middle of the tape and leave its savepoint in a folder.

    Everything it has written is committed by then: another broker knows nothing of its transactions.
    """
    feed = fed(stack, job)
    with CandleJob.submit(stack, chosen(stack, feed), file=f"jobs/{job}.py") as running:
        sent = send(feed, range(STOPPED + 1))
        closed = [each for each in sent if each["ts_event"] < CLOSED_NS]
        operator, read = {"candles": ("fold", sent), "bars": ("bars", closed)}[job]
        seen = [f"{operator}.{kind}" for kind in ("trades", "duplicates")]
        wait_until(lambda: running.counted(*seen) >= len(read), f"{len(read)} trades")
        running.checkpoint()
        running.checkpoint()
        savepoint = running.stop()
    shutil.copytree(urlparse(savepoint).path, folder, dirs_exist_ok=True)
    _forget(stack.folder, folder / "_metadata")


def _forget(made_in: Path, metadata: Path) -> None:
    """State so small is in the metadata itself, named by the file it would be in: leave no path there."""
    path = str(made_in).encode()
    metadata.write_bytes(metadata.read_bytes().replace(path, b"/" + b"-" * (len(path) - 1)))


def main() -> None:
    """Make the savepoints of this release."""
    for job in JOBS:
        with tempfile.TemporaryDirectory() as temporary:
            try:
                make(stacks.up(Path(temporary)), job, FOLDER / f"{job}-{version('tickloom')}")
            finally:
                stacks.down(Path(temporary))


if __name__ == "__main__":
    main()
