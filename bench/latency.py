"""`python -m bench latency`: how soon a reader has a closed candle."""

import statistics
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import click
from rich.console import Console
from rich.table import Table

from bench.cluster import fresh_stack
from bench.feed import feeding, started
from bench.tape import SECOND_NS
from jobs.settings import Settings
from schemas.topics import candles
from services.committed import CommittedReader

OUT_OF_ORDERNESS_MS = 500
SETTINGS = {"checkpoint_interval": "1s", "out_of_orderness": f"{OUT_OF_ORDERNESS_MS}ms"}
WARM_S = 30
CATCH_UP_S = 5
"""A reader begins with what the warming up has left in the topic."""
READERS: Mapping[str, Mapping[str, str]] = {
    "committed": {},
    "not yet committed": {"isolation.level": "read_uncommitted"},
}


@dataclass
class Reader(threading.Thread):
    """Reads the one-second candles meanwhile; `waited_s` from when each could have been known at the earliest."""

    settings: Settings
    properties: Mapping[str, str]
    since_ns: int
    ended: threading.Event
    waited_s: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        kafka = {**self.settings.kafka_client(), **self.properties}
        with CommittedReader(kafka, self.settings.registry_client(), {candles("1s"): "candle"}) as reader:
            while not self.ended.is_set():
                found = reader.poll(0.1)
                if found and found.record["window_end"] >= self.since_ns:
                    due_ns = found.record["window_end"] + OUT_OF_ORDERNESS_MS * 1_000_000
                    self.waited_s.append((found.visible_ns - due_ns) / 1e9)


@click.command()
@click.option("--trades", default=100_000, show_default=True, help="Trades a second.")
@click.option("--symbols", default=500, show_default=True, type=click.IntRange(10, 10_000))
@click.option("--seconds", default=45, show_default=True, help="How long.")
def latency(trades: int, symbols: int, seconds: int) -> None:
    """Time how soon a closed candle is read.

    A live feed runs through the candle job, which checkpoints every second. Times are from the end of the window and
    the allowed disorder to the moment a reader has the one-second candle.
    """
    console = Console()
    with fresh_stack(False, lambda part, took: None) as stack:
        settings, target = started(stack, SETTINGS)
        with feeding(target, trades, symbols), console.status("warming up") as status:
            time.sleep(WARM_S)
            status.update("reading")
            ended, since_ns = threading.Event(), time.time_ns() + CATCH_UP_S * SECOND_NS
            readers = {name: Reader(settings, properties, since_ns, ended) for name, properties in READERS.items()}
            for reader in readers.values():
                reader.start()
            time.sleep(CATCH_UP_S + seconds)
            ended.set()
            for reader in readers.values():
                reader.join()
    console.print(_table(readers))
    console.print(f"{trades:,} trades/s of {symbols} symbols; checkpoints every second")


def _table(readers: Mapping[str, Reader]) -> Table:
    table = Table("one-second candles", "read", "p50 ms", "p95 ms", "p99 ms", "most")
    for name, reader in readers.items():
        cuts = statistics.quantiles(reader.waited_s, n=100)
        figures = [*(cuts[number - 1] for number in (50, 95, 99)), max(reader.waited_s)]
        table.add_row(name, f"{len(reader.waited_s):,}", *(f"{1_000 * each:.0f}" for each in figures))
    return table
