"""A peer on the tape, in processes of its own."""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import psutil
from confluent_kafka.schema_registry import Schema

from bench.peers.systems import FOLDER, PEERS
from deploy.errors import UserError
from jobs.settings import Settings, milliseconds
from schemas import avro, registry
from schemas.topics import subject

TIMEOUT_S = 1_800


@dataclass(frozen=True)
class PeerRun:
    """One run of a peer."""

    name: str
    settings: Settings
    trades: int
    closes_all: bool = False
    _running: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def exact(self) -> Sequence[str]:
        """The values of its candles that must be right."""
        return PEERS[self.name].exact

    @cached_property
    def outputs(self) -> Sequence[str]:
        """Its only topic."""
        return [f"bench.{self.name}.candles.1s"]

    def start(self) -> list[psutil.Process]:
        """Start it. Raises UserError when it is not installed."""
        environment = {**os.environ, **self._task(), "PYTHONPATH": str(FOLDER), "WORK": str(self._work)}
        log = self._log.open("wb")
        for command in PEERS[self.name].commands(self._work):
            process = subprocess.Popen(command, env=environment, cwd=self._work, stdout=log, stderr=subprocess.STDOUT)
            self._running.append(process)
        return [psutil.Process(each.pid) for each in self._running]

    def finish(self) -> None:
        """Wait until it has ended. Raises UserError."""
        try:
            codes = [each.wait(TIMEOUT_S) for each in self._running]
        finally:
            for each in self._running:
                each.kill()
        if any(codes):
            raise UserError(f"{self.name} ended with {codes}: see {self._log}")

    @cached_property
    def _work(self) -> Path:
        return Path(tempfile.mkdtemp(prefix=f"tickloom-{self.name}-"))

    @property
    def _log(self) -> Path:
        return self._work / "log"

    def _task(self) -> dict[str, str]:
        candle = FOLDER / "candle.avsc"
        client = registry.connect(self.settings.registry_client())
        identity = client.register_schema(subject(self.outputs[0]), Schema(candle.read_text(), "AVRO"))
        return {
            "BROKERS": self.settings.brokers,
            "TRADES": self.settings.trades_topic,
            "CANDLES": self.outputs[0],
            "COUNT": str(self.trades),
            "COMMIT_INTERVAL_MS": str(milliseconds(self.settings.checkpoint_interval)),
            "GROUP": f"{self.settings.transactional_id_prefix}-{self.name}",
            "TRADE_SCHEMA": str(avro.FOLDER / "trade.avsc"),
            "CANDLE_SCHEMA": str(candle),
            "CANDLE_SCHEMA_ID": str(identity),
        }
