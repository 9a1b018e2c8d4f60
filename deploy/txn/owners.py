"""Whether the job that a transaction belongs to still runs, asked of a Flink cluster."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from deploy import jobs, rest, stack
from deploy.errors import UserError
from deploy.txn.transactions import Sink

NAME = "tickloom-"


@dataclass(frozen=True)
class RunningJob:
    """A job that has not ended, restarting ones included; `prefix` is None when it does not tell."""

    id: str
    job: str
    prefix: str | None

    def owns(self, sink: Sink) -> bool:
        """Whether the transactions of the sink are this job's, as far as one can tell."""
        return self.job == sink.job and self.prefix in (sink.prefix, None)


@dataclass(frozen=True)
class Owner:
    """Whether the job of a transaction runs: `runs` is None when nobody can tell."""

    runs: bool | None
    told: str
    """Why, in words."""

    @property
    def word(self) -> str:
        """In a word, for a table."""
        return "unknown" if self.runs is None else "runs" if self.runs else "gone"


class Owners:
    """What a cluster at an address (host:port) runs; without one, or with `running` None, every owner is unknown."""

    def __init__(self, address: str | None, running: Sequence[RunningJob] | None) -> None:
        self._address, self._running = address, running

    def of(self, sink: Sink | None) -> Owner:
        """The owner of a transaction of this sink; of None, a transaction that is no job's."""
        if sink is None or sink.job not in jobs.NAMES:
            return Owner(None, "unknown: the transaction is not of a Flink job of ours")
        if self._running is None:
            where = f"{self._address} does not answer" if self._address else "no cluster is named or runs here"
            return Owner(None, f"unknown: {where}")
        for each in self._running:
            if each.owns(sink):
                return Owner(True, f"{NAME}{each.job} runs on {self._address} as {each.id}")
        return Owner(False, f"gone: no {NAME}{sink.job} with the prefix {sink.prefix} runs on {self._address}")


def owners(cluster: str | None) -> Owners:
    """The owners on the named cluster (host:port), or on the running stack's.

    Raises UserError when a cluster that was named does not answer.
    """
    if cluster:
        return Owners(cluster, list(_running(cluster)))
    here = stack.running()
    if here is None:
        return Owners(None, None)
    address = here.flink_address
    try:
        return Owners(address, list(_running(address)))
    except UserError:
        return Owners(address, None)


def _running(address: str) -> Iterator[RunningJob]:
    for each in rest.of(address).get("/jobs/overview")["jobs"]:
        if each["state"] not in jobs.ENDED and each["name"].startswith(NAME):
            yield RunningJob(each["jid"], each["name"].removeprefix(NAME), jobs.prefix(each["jid"], address))
