"""What faults happen to: a stack whose Flink reaches the broker through a proxy, and a job that is fed and followed."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from confluent_kafka import KafkaException

from deploy import jobs, rest, savepoints
from deploy.errors import UserError
from deploy.stack import Stack, lifecycle, ports
from deploy.stack.health import all_healthy
from deploy.stack.ports import HOST
from tests.faults.feed import Feeder
from tests.faults.flink_log import Discards
from tests.faults.follower import Ends, Follower
from tests.faults.ledger import END_OF_TIME_NS, Ledger
from tests.faults.proxy import Proxy
from tests.integration.candle_job import CandleJob, Feed, settings
from tests.integration.test_stack import shared

RESOLUTIONS = ("1s", "1m", "5m")
SETTINGS = {
    "resolutions": ",".join(RESOLUTIONS),
    "checkpoint_interval": "1s",
    "restart_allowance": "100s",
    "transaction_timeout": "120s",
}
CALM = "1 s"
"""Runs come within seconds of one another: a job that has run for so long is restarted as quickly as ever."""
HEALTHY_TIMEOUT_S = 90
SETTLE_TIMEOUT_S = 60
DRAIN_TIMEOUT_S = 120
POLL_S = 0.05


class UnsettledError(AssertionError):
    """Something that must come after a fault did not: its name, a colon, and what is missing."""


class Bed:
    """A stack and its proxy. `proxied` is the address of the broker through it."""

    def __init__(self, stack: Stack, proxy: Proxy, proxied: str) -> None:
        self.stack, self.proxy, self.proxied = stack, proxy, proxied

    @property
    def keeps_jobs(self) -> bool:
        """Whether a job outlives its JobManager."""
        return self._config().get("high-availability.type", "NONE") != "NONE"

    def restarts(self) -> dict[str, str]:
        """The cluster's restart strategy, but sooner calm. What a job names of one is all that counts of it."""
        strategy = {key: value for key, value in self._config().items() if key.startswith("restart-strategy.")}
        return {**strategy, "restart-strategy.exponential-delay.reset-backoff-threshold": CALM}

    def _config(self) -> dict[str, str]:
        found = rest.at(self.stack.flink_address, self.stack.flink_conf).get("/jobmanager/config")
        return {each["key"]: each["value"] for each in found}

    def await_healthy(self) -> None:
        """Wait until every part answers."""
        wait_for(lambda: all_healthy(self.stack), "health: a part does not answer", HEALTHY_TIMEOUT_S)


@contextmanager
def made(folder: Path) -> Iterator[Bed]:
    """A bed in an empty folder, taken down at the end."""
    chosen = ports.choose(dict(zip(ports.DEFAULTS, ports.free(len(ports.DEFAULTS)), strict=True)))
    proxy_port, listener_port = ports.free(2)
    folder.mkdir(parents=True, exist_ok=True)
    with Proxy(proxy_port, listener_port) as proxy:
        try:
            lifecycle.prepare(folder, chosen)
            _add_listener(folder / "kafka" / "server.properties", listener_port, proxy_port)
            stack = lifecycle.launch(folder, chosen)
            lifecycle.await_health(stack, lambda _part, _seconds: None)
            yield Bed(stack, proxy, f"{HOST}:{proxy_port}")
        finally:
            lifecycle.stop(lambda _part: None, folder)


def _add_listener(file: Path, port: int, advertised_port: int) -> None:
    """Let the broker listen on one more port, and send clients that come there to another, the proxy's."""
    lines = dict(line.split("=", 1) for line in file.read_text().splitlines())
    lines["listeners"] += f",PROXIED://{HOST}:{port}"
    lines["advertised.listeners"] += f",PROXIED://{HOST}:{advertised_port}"
    names = ("PLAINTEXT", "PROXIED", "CONTROLLER")
    lines["listener.security.protocol.map"] = ",".join(f"{name}:PLAINTEXT" for name in names)
    lines["inter.broker.listener.name"] = "PLAINTEXT"
    file.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))


class Batch:
    """A candle job on a bed with its own feed, fed and followed as long as the context lasts.

    A file is that of another job with the same sinks; `changed` are settings.
    """

    def __init__(self, bed: Bed, seed: int, file: str = "jobs/candles.py", **changed: str) -> None:
        self.bed, self.stack, self.proxy = bed, bed.stack, bed.proxy
        self.afterwards = ExitStack()
        """What is to be done once a fault is over."""
        self._seed, self._file, self._changed = seed, file, changed

    def __enter__(self) -> Self:
        with ExitStack() as exits:
            self._start(exits)
            self._exits = exits.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._exits.close()

    def _start(self, exits: ExitStack) -> None:
        self.feed = Feed(self.stack)
        self.settings = settings(self.stack, self.feed, **{**SETTINGS, "brokers": self.bed.proxied, **self._changed})
        self.ledger, self.feeder = Ledger(RESOLUTIONS), Feeder(self.feed, self._seed)
        exits.callback(self._cancel)
        self.submit()
        self.ends = Ends(self.stack, self.settings)
        exits.callback(self.ends.close)
        self.follower = Follower(self.stack, self.settings, self.feed, self.feeder, self.ledger)
        self.discards = Discards(self.stack.log("taskmanager"))
        for thread in (self.follower, self.feeder):
            thread.start()
            exits.callback(thread.end)

    def submit(self, savepoint: str | None = None) -> None:
        """Start the job, from a savepoint when one is named."""
        self.job = CandleJob.submit(
            self.stack, self.settings, savepoint=savepoint, restart=True, file=self._file, **self.bed.restarts()
        )

    @property
    def checkpoints(self) -> Path:
        """Where the checkpoints of the job are."""
        return self.stack.folder / "flink" / "checkpoints" / self.job.id

    @property
    def savepoints(self) -> Path:
        """Where the savepoints of the stack are."""
        return self.stack.folder / "flink" / "savepoints"

    def rest(self, path: str = "") -> dict[str, Any] | None:
        """What the REST API says of the job; None when it does not answer."""
        try:
            found: dict[str, Any] = self.job.get(path)
        except UserError:
            return None
        return found

    def situation(self) -> str:
        """What the job is doing, in words."""
        job, checkpoints = self.rest() or {}, self.rest("/checkpoints") or {}
        tasks = {state: count for state, count in job.get("status-counts", {}).items() if count}
        failed = (checkpoints.get("latest", {}).get("failed") or {}).get("failure_message", "none")
        pending = [each["id"] for each in checkpoints.get("history", []) if each["status"] == "IN_PROGRESS"]
        failure = "unknown"
        with suppress(UserError):
            failure = jobs.failure(self.job.id, self.stack.flink_address)
        return (
            f"the job is {job.get('state', 'unknown')}, its last failure: {failure}, tasks {tasks}, "
            f"pending checkpoints {pending}, last that failed: {failed}"
        )

    def first_checkpoint_since(self, time_ms: float) -> float | None:
        """When (Unix ms) the first checkpoint that began after a time was completed; None before that."""
        history = (self.rest("/checkpoints") or {}).get("history", [])
        began = [each for each in history if each["status"] == "COMPLETED" and each["trigger_timestamp"] >= time_ms]
        first = min(began, key=lambda each: each["trigger_timestamp"], default=None)
        return first and first["trigger_timestamp"] + first["end_to_end_duration"]

    def settle(self, until_ns: int, timeout_s: float = SETTLE_TIMEOUT_S) -> list[str]:
        """Wait until everything of the windows that end until then is visible; what is wrong with it.

        Raises UnsettledError when it does not come.
        """
        high = wait_for(self._high, "broker: it does not answer", timeout_s)
        wait_for(lambda: not self.ends.behind(high), "last stable offset: it is behind", timeout_s)
        try:
            wait_for(lambda: self.ledger.violations or self.ledger.settled(until_ns), "", timeout_s)
        except UnsettledError:
            raise UnsettledError(f"conservation: {self.ledger.unsettled(until_ns)} are missing") from None
        return self.verdict(self.ledger.check(until_ns))

    def verdict(self, found: list[str]) -> list[str]:
        """What was found with what was noticed at once, and with what the logs say."""
        noticed, self.ledger.violations = self.ledger.violations, []
        lost = [line for line in self.discards.new() if not self.discards.is_explained(line, self.proxy.commits)]
        return [*noticed, *found, *(f"discarded transaction: {line}" for line in lost)]

    def drain(self, timeout_s: float = SETTLE_TIMEOUT_S) -> list[str]:
        """End feed and job, so that every window closes; what is wrong with everything that is left.

        Raises UnsettledError when something is missing.
        """
        self.feeder.end()
        self.ledger.end()
        jobs.await_read(self.settings, self.feed.ends, DRAIN_TIMEOUT_S)
        wait_for(self._stop_drained, "drain: the job goes on", DRAIN_TIMEOUT_S)
        wait_for(lambda: (self.rest() or {}).get("state") == "FINISHED", "drain: the job goes on", DRAIN_TIMEOUT_S)
        return self.settle(END_OF_TIME_NS, timeout_s)

    def _stop_drained(self) -> bool:
        """Whether a job that is not restarting at that moment has stopped."""
        address, prefix = self.stack.flink_address, self.settings.transactional_id_prefix
        with suppress(UserError):
            return savepoints.stop("candles", address, prefix, drain=True).is_committed
        return False

    def _high(self) -> dict[tuple[str, int], int] | None:
        try:
            return self.ends.high()
        except KafkaException:  # it may still be starting
            return None

    def _cancel(self) -> None:
        with suppress(AttributeError, AssertionError, UserError):  # it may not have come so far, or be broken
            self.job.__exit__()


def wait_for(condition: Callable[[], Any], missing: str, timeout_s: float, poll_s: float = POLL_S) -> Any:
    """Wait until something is there, and return it; longer on a busy machine.

    Raises UnsettledError when the time is over.
    """
    began = time.monotonic()
    while not (found := condition()):
        waited_s = time.monotonic() - began
        if waited_s > shared(timeout_s):
            raise UnsettledError(f"{missing} after {waited_s:.0f} s")
        time.sleep(poll_s)
    return found
