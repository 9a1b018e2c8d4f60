"""`tickloom demo`: 100,000 real trades, live candles, and a verdict on every one of them."""

import sys
import threading
import time
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from functools import partial

import click
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from deploy.demo import FOLDER, SPEED, Demo, Outcome, fresh_stack
from deploy.options import Speed
from deploy.serving import answers, serving
from deploy.tally import Tally
from schemas.resolutions import DEFAULT as RESOLUTIONS

LINE_EVERY_S = 5.0
REFRESH_S = 0.25


@click.command()
@click.option("--speed", type=Speed(), default=str(SPEED), show_default=True, help="Times the original timing.")
@click.option("--stay", is_flag=True, help="Leave the stack and the dashboard until Ctrl-C.")
def demo(speed: float | None, stay: bool) -> None:
    """Stream 100,000 real trades through Kafka and the candle job, and check every committed candle.

    The trades are BTC/USD on Bitstamp, 25 November to 1 December 2013. A stack of the demo's own is started and
    stopped again. Exit code 0 only when every candle equals an independent recomputation, none missing, none twice.
    """
    console = Console()
    began = time.monotonic()
    with ExitStack() as exits:
        with console.status("starting Kafka, the schema registry, Flink and the candle job"):
            stack = exits.enter_context(fresh_stack())
            run = Demo(stack, speed)
            run.start(partial(_ready, console))
        console.print(f"  Flink UI     {stack.flink_rest_url}")
        _told(console, "candle job", "running", began)
        with View(console, run.tally, run.replay.row_count()) as view:
            dashboard = Dashboard(console, exits, began)

            def show() -> None:
                view.show()
                dashboard.show(run.tally)

            run.stream(show)
        with console.status("recomputing every candle from the file"):
            outcome = run.check()
        console.print(summary(outcome))
        console.print(outcome.verdict.summary(), highlight=False)
        console.print(f"[bold]{'PASSED' if outcome.holds else 'FAILED'}[/] in {time.monotonic() - began:.0f} s")
        if stay:
            console.print("the dashboard stays; Ctrl-C stops")
            _await_ctrl_c()
    sys.exit(0 if outcome.holds else 1)


def _await_ctrl_c() -> None:
    with suppress(KeyboardInterrupt):
        threading.Event().wait()


def _ready(console: Console, part: str, seconds: float) -> None:
    console.print(f"  {part:12} ready after {seconds:4.1f} s", highlight=False)


def _told(console: Console, what: str, how: str, began: float) -> None:
    console.print(f"  {what:12} {how} after {time.monotonic() - began:4.1f} s", highlight=False)


class Dashboard:
    """Started once there is something to see: before, it would keep the job from its first candle."""

    def __init__(self, console: Console, exits: ExitStack, began: float) -> None:
        self.console = console
        self.exits = exits
        self.began = began
        self.address = ""

    def show(self, tally: Tally) -> None:
        """Start it when it is time; its address is named once it answers."""
        if not self.address and tally.candles:
            _told(self.console, "first candle", "committed", self.began)
            self.address = self.exits.enter_context(serving(FOLDER))
            threading.Thread(target=self._name, daemon=True).start()

    def _name(self) -> None:
        while not answers(self.address):
            time.sleep(0.5)
        self.console.print(f"  dashboard    {self.address}")


class View:
    """The latest candles as they are committed: live in a terminal, a line now and then elsewhere."""

    def __init__(self, console: Console, tally: Tally, total: int) -> None:
        self.console = console
        self.tally = tally
        columns = (TextColumn("trades sent"), BarColumn(), MofNCompleteColumn())
        self.progress = Progress(*columns, console=console)
        self.task = self.progress.add_task("", total=total)
        self.live = Live(console=console, auto_refresh=False, transient=True)
        self.next = 0.0

    def __enter__(self) -> "View":
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.live.stop()

    def show(self) -> None:
        """Draw anew, when it is time."""
        now = time.monotonic()
        if now < self.next:
            return
        self.next = now + (REFRESH_S if self.console.is_terminal else LINE_EVERY_S)
        if self.console.is_terminal:
            self.progress.update(self.task, completed=self.tally.sent)
            self.live.update(Group(latest_candles(self.tally), self.progress), refresh=True)
        else:
            counts = ", ".join(f"{count:,} {name}" for name, count in self.tally.by_resolution.items())
            self.console.print(f"  {self.tally.sent:,} trades sent; candles committed: {counts or 'none yet'}")


def latest_candles(tally: Tally) -> Table:
    """The last committed candle of every resolution."""
    table = Table("candle", "window", "open", "high", "low", "close", "volume", "trades", "committed", box=None)
    for resolution in RESOLUTIONS:
        candle = tally.latest.get(resolution)
        if candle:
            start = datetime.fromtimestamp(candle["window_start"] // 1_000_000_000, UTC)
            prices = (f"{candle[name].normalize():f}" for name in ("open", "high", "low", "close", "volume"))
            row = (resolution, f"{start:%Y-%m-%d %H:%M:%S}", *prices, f"{candle['trade_count']:,}")
            table.add_row(*row, f"{tally.by_resolution[resolution]:,}")
    return table


def summary(outcome: Outcome) -> Table:
    """What went in, what came out, how fast, and whether it adds up."""
    tally = outcome.tally
    table = Table("", "", box=None, show_header=False)
    table.add_row("trades in", f"{outcome.expected.trades:,}")
    table.add_row("in candles", f"{tally.trades:,}")
    table.add_row("duplicates", f"{tally.duplicates:,}")
    table.add_row("late", f"{tally.late:,}")
    table.add_row("rejected", f"{tally.rejected:,}")
    counts = ", ".join(f"{tally.by_resolution[name]:,} {name}" for name in RESOLUTIONS)
    table.add_row("candles out", counts)
    p50, p99 = tally.latency_ms(0.5), tally.latency_ms(0.99)
    if p50 is not None and p99 is not None:
        table.add_row("latency", f"p50 {p50:,.0f} ms, p99 {p99:,.0f} ms (closing trade sent → committed candle read)")
    table.add_row("adds up", "yes" if outcome.conserved else "NO: trades are missing or counted twice")
    return table
