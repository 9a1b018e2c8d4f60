"""`python -m bench profile`: where the candle job's CPU goes, as a flame graph."""

import re
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench import report
from bench.cluster import fresh_stack
from bench.contest import Contest
from bench.flink_jobs import VARIANTS
from bench.page import RESULTS
from bench.tape import Tape
from deploy import rest
from deploy.errors import UserError
from deploy.stack import Stack

POLL_S = 1
TIMEOUT_S = 60
SHOWN = 30
FRAME = re.compile(r"^f\((\d+),(\d+),(\d+),\d+,'((?:[^'\\]|\\.)*)'")
"""A frame in async-profiler's page: its depth, where it begins, how many samples it holds, its method."""


@click.command()
@click.option("--job", default="tickloom", show_default=True, type=click.Choice([*VARIANTS, "stock"]))
@click.option("--trades", default=30_000_000, show_default=True, type=click.IntRange(1_000_000))
@click.option("--symbols", default=500, show_default=True, type=click.IntRange(10, 10_000))
@click.option("--after", default=15, show_default=True, help="Seconds that the job gets to become warm.")
@click.option("--seconds", default=15, show_default=True, help="How long to sample.")
def profile(job: str, trades: int, symbols: int, after: int, seconds: int) -> None:
    """Draw a flame graph of a job.

    Run a job of the benchmark and sample its TaskManager with async-profiler, which Flink has on board."""
    console = Console()
    with fresh_stack(False, lambda part, took: None) as stack:
        contest = Contest(stack, Tape(trades, symbols))
        with console.status("writing the tape"):
            contest.prepare([job], lambda written: None)
        sampling = threading.Thread(target=_sample, args=(stack, after, seconds, console))
        sampling.start()
        with console.status(f"running {job}"):
            run = contest.run(job)
        sampling.join()
    report.show_run(console, run)


def _sample(stack: Stack, after: int, seconds: int, console: Console) -> None:
    """Wait for a job on the new TaskManager, let it become warm, sample, and tell what was found."""
    flink = rest.at(stack.flink_address, stack.flink_conf)
    while not any(job["status"] == "RUNNING" for job in flink.get("/jobs")["jobs"]):
        time.sleep(POLL_S)
    time.sleep(after)
    [manager] = [each["id"] for each in flink.get("/taskmanagers")["taskmanagers"]]
    flink.request("POST", f"/taskmanagers/{manager}/profiler", {"mode": "ITIMER", "duration": seconds})
    time.sleep(seconds)
    page = _finished(flink, f"/taskmanagers/{manager}/profiler")
    file = RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-flame.html"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(page)
    console.print(_hot(page.decode()))
    console.print(f"flame graph: {file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file}")


def _finished(flink: rest.Rest, path: str) -> bytes:
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        newest = flink.get(path)["profilingList"][0]
        if newest["status"] == "FINISHED":
            return flink.request("GET", f"{path}/{newest['outputFile']}").content
        if newest["status"] == "FAILED":
            raise UserError(f"Flink could not sample: {newest['message']}")
        time.sleep(POLL_S)
    raise UserError("Flink's profiler did not end")


def _hot(page: str) -> Table:
    """The methods with the most samples of their own, and with all they call."""
    own: Counter[str] = Counter()
    deep: Counter[str] = Counter()
    stack: list[str] = []
    frames = [match.groups() for match in map(FRAME.match, page.splitlines()) if match]
    for depth, _, width, method in sorted(frames, key=lambda frame: (int(frame[1]), int(frame[0]))):
        del stack[int(depth) :]
        own[method] += int(width)
        if stack:
            own[stack[-1]] -= int(width)
        if method not in stack:
            deep[method] += int(width)
        stack.append(method)
    total = sum(own.values())
    table = Table("own", "with calls", "method")
    for method, samples in own.most_common(SHOWN):
        table.add_row(f"{samples / total:.1%}", f"{deep[method] / total:.1%}", method)
    return table
