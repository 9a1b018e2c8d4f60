"""Runs of the candle job on the session's stack: fed by hand, submitted as users do, read as committed."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote
from uuid import uuid4

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from deploy import paths, rest
from deploy.stack import Stack
from jobs.settings import Settings
from schemas import registry
from schemas.codec import Encoder
from schemas.topics import TRADES, subject
from services.oracle import SECOND_NS
from services.records import TradeRecord
from tests.integration import submitter

START_NS = 1_700_000_000 * SECOND_NS
"""2023-11-14T22:13:20Z."""
TIMEOUT_S = 180
"""A bound for a busy machine, also of a start."""
METRICS_LAG_S = 2
"""TaskManager, JobManager and REST API pass metrics on about once a second each."""


class Feed:
    """A topic of trades of the test's own, written to stated partitions; offsets count what was written."""

    def __init__(self, stack: Stack, partitions: int = 2, name: str | None = None) -> None:
        self.name = name or uuid4().hex[:8]
        self.topic = f"test.trades.{self.name}"
        admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers})
        config = {"retention.ms": "-1", "message.timestamp.after.max.ms": str(2**63 - 1)}
        admin.create_topics([NewTopic(self.topic, partitions, 1, config=config)])[self.topic].result(30)
        ids = registry.register(stack.registry_client(), Settings().resolutions)
        self.encoder = Encoder(ids[subject(TRADES)], "trade")
        self.ends = dict.fromkeys(range(partitions), 0)
        options = {"enable.idempotence": True, "linger.ms": 5, "message.max.bytes": 1_048_000, "log_level": 0}
        self._producer = Producer({"bootstrap.servers": stack.bootstrap_servers, **options})

    def symbol(self, name: str) -> str:
        """A symbol that no other feed has: the jobs of a session share their output topics."""
        return f"{self.name}-{name}"

    def send(self, partition: int, trade: TradeRecord) -> tuple[int, int]:
        """Write a trade, stamped with its own time; returns (offset, partition), the order of trades."""
        return self.send_bytes(
            partition, self.encoder.encode(trade), trade["ts_event"] // 1_000_000, trade["symbol"].encode()
        )

    def send_bytes(
        self, partition: int, value: bytes | None, timestamp_ms: int = 0, key: bytes | None = None
    ) -> tuple[int, int]:
        """Write anything; without a timestamp it is stamped now."""
        self._producer.produce(self.topic, value, key, partition=partition, timestamp=timestamp_ms)
        self._producer.poll(0)
        place = (self.ends[partition], partition)
        self.ends[partition] += 1
        return place

    def flush(self) -> None:
        """Wait until the broker has everything."""
        assert self._producer.flush(30) == 0

    @property
    def stop_offsets(self) -> str:
        """The setting that makes a job end after what has been sent."""
        return ",".join(f"{partition}:{offset}" for partition, offset in self.ends.items())


def settings(stack: Stack, feed: Feed, **changed: Any) -> Settings:
    """Settings of a job on the feed, with transactional ids of its own and quick time-outs."""
    return Settings.load(
        {
            "brokers": stack.bootstrap_servers,
            "registry": stack.registry_url,
            "trades_topic": feed.topic,
            "restart_allowance": "40s",
            "transaction_timeout": "50s",
            "transactional_id_prefix": f"test-{feed.name}",
            **changed,
        }
    )


@dataclass
class CandleJob:
    """A running candle job. Leaving it as a context ends it."""

    stack: Stack
    id: str

    @classmethod
    def submit(cls, stack: Stack, chosen: Settings, **how: Any) -> Self:
        """As `launch`, and wait until every task runs."""
        job = cls.launch(stack, chosen, **how)
        job.await_running()
        return job

    @classmethod
    def launch(
        cls,
        stack: Stack,
        chosen: Settings,
        *,
        savepoint: str | None = None,
        restart: bool = False,
        file: str = "jobs/candles.py",
        **further: str,
    ) -> Self:
        """Start a job file; unless `restart`, a failure ends the job. Further options are Flink's."""
        options = {
            "execution.target": "remote",
            "execution.attached": "false",
            "rest.address": "127.0.0.1",
            "rest.port": str(stack.ports.flink),
            **({} if restart else {"restart-strategy.type": "disable"}),
            **({"execution.state-recovery.path": savepoint} if savepoint else {}),
            **further,
        }
        return cls(stack, submitter.submit(paths.ROOT / file, chosen.environment(), options))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.state not in ("FINISHED", "CANCELED", "FAILED"):
            self._rest.request("PATCH", f"/jobs/{self.id}?mode=cancel")
            wait_until(lambda: self.state in ("FINISHED", "CANCELED", "FAILED"), "the job to end")

    @property
    def _rest(self) -> rest.Rest:
        return rest.at(self.stack.flink_address, self.stack.flink_conf)

    def get(self, path: str = "") -> Any:
        """What the REST API says of the job."""
        return self._rest.get(f"/jobs/{self.id}{path}")

    @property
    def state(self) -> str:
        """RUNNING, FINISHED, FAILED, …"""
        return str(self.get()["state"])

    @property
    def vertices(self) -> list[dict[str, Any]]:
        """The chains of operators."""
        return list(self.get()["vertices"])

    def await_running(self) -> None:
        """Wait until every task runs or has ended."""

        def runs() -> bool:
            self.check()
            return all(vertex["status"] in ("RUNNING", "FINISHED") for vertex in self.vertices)

        wait_until(runs, "every task to run", TIMEOUT_S)

    def await_end(self, timeout_s: float = TIMEOUT_S) -> None:
        """Wait until the job has read to its stop offsets and committed."""

        def ended() -> bool:
            self.check()
            return self.state == "FINISHED"

        wait_until(ended, "the job to finish", timeout_s)

    def check(self) -> None:
        """Fail with the cause when the job has failed."""
        if self.state == "FAILED":
            raise AssertionError(self.get("/exceptions")["exceptionHistory"]["entries"][0]["stacktrace"])

    def stop(self) -> str:
        """Stop with a savepoint; returns its path."""
        path = self._written(self.begin_stop())
        wait_until(lambda: self.state == "FINISHED", "the job to stop")
        return path

    def savepoint(self) -> str:
        """Take a savepoint and run on; returns its path."""
        return self._written(self._rest.request("POST", f"/jobs/{self.id}/savepoints", {}).json()["request-id"])

    def _written(self, trigger: str) -> str:
        status: dict[str, Any] = {}

        def done() -> bool:
            status.update(self.get(f"/savepoints/{trigger}"))
            return bool(status["status"]["id"] == "COMPLETED")

        wait_until(done, "the savepoint")
        assert "location" in status["operation"], status
        return str(status["operation"]["location"])

    def begin_stop(self, *, drain: bool = False) -> str:
        """Ask for a stop with a savepoint; returns the id of the request."""
        return str(self._rest.request("POST", f"/jobs/{self.id}/stop", {"drain": drain}).json()["request-id"])

    def checkpoint(self) -> None:
        """Take a checkpoint now: what is finished becomes visible to readers soon after."""
        trigger = self._rest.request("POST", f"/jobs/{self.id}/checkpoints", {}).json()["request-id"]

        def done() -> bool:
            return bool(self.get(f"/checkpoints/{trigger}")["status"]["id"] == "COMPLETED")

        wait_until(done, "the checkpoint")

    def restarts(self) -> int:
        """How often the job was restarted."""
        (metric,) = self.get("/metrics?get=numRestarts")
        return int(float(metric["value"]))

    def failures(self) -> int:
        """How many failures the job remembers, also after its end."""
        return len(self.get("/exceptions")["exceptionHistory"]["entries"])

    def counted(self, *metrics: str) -> int:
        """The sum of these operator metrics as they are now. Fails when there is none."""
        self._values(metrics)  # the cluster answers with what it fetched at the question before
        time.sleep(METRICS_LAG_S)
        wait_until(lambda: bool(self._values(metrics)), f"an operator that counts {metrics}")
        return sum(self._values(metrics))

    def await_read(self, messages: int) -> None:
        """Wait until the fold has seen so many messages in this life of the job."""
        kinds = ("trades", "duplicates", "lateTrades", "rejectedTrades", "cancelsAndCorrections")
        seen = [f"fold.{kind}" for kind in kinds]
        wait_until(lambda: self.counted(*seen) >= messages, f"{messages} messages")

    def dropped(self) -> int:
        """How many rows the windows have dropped as late."""
        return self.counted("numLateRecordsDropped")

    def _values(self, metrics: tuple[str, ...]) -> list[int]:
        return [
            int(float(value["value"]))
            for vertex in self.vertices
            for name in self._names(vertex["id"], metrics)
            for value in self.get(f"/vertices/{vertex['id']}/metrics?get={quote(name, safe='')}")
        ]

    def _names(self, vertex: str, metrics: tuple[str, ...]) -> list[str]:
        endings = tuple(f".{metric}" for metric in metrics)
        names = [str(each["id"]) for each in self.get(f"/vertices/{vertex}/metrics")]
        return [name for name in names if name.endswith(endings)]


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = TIMEOUT_S) -> None:
    """Wait until a condition holds; fails naming what did not come."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come within {timeout_s:g} s"
        time.sleep(0.25)  # each look at the cluster takes its share of a processor


def differing(found: Mapping[Any, Any], expected: Mapping[Any, Any]) -> list[Any]:
    """The first places at which two answers differ, with both: a diff of everything takes minutes."""
    keys = (key for key in found.keys() | expected.keys() if found.get(key) != expected.get(key))
    return [(key, found.get(key), expected.get(key)) for key in list(keys)[:3]]
