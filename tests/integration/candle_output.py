"""What readers of committed records have seen of a feed: its candles, late rows and rejected records."""

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from deploy.stack import Stack
from jobs.kafka import candle_sinks
from jobs.settings import Settings
from schemas import topics
from services.committed import CommittedReader
from services.oracle import CandleKey, ExpectedCandle
from services.verdict import Verdict, compare
from tests.integration.candle_job import TIMEOUT_S, Feed


class Output:
    """Everything committed so far that stems from one feed; `twice` are the windows seen more than once."""

    def __init__(self, stack: Stack, chosen: Settings, feed: Feed) -> None:
        self.candles: list[dict[str, Any]] = []
        self.late: list[dict[str, Any]] = []
        self.rejected: list[dict[str, Any]] = []
        self.keys: set[CandleKey] = set()
        self.twice: list[CandleKey] = []
        self._feed = feed
        schemas = {topic: schema for _, topic, schema in candle_sinks(chosen)}
        self._reader = CommittedReader(stack.kafka_client(), stack.registry_client(), schemas)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.close()

    def poll(self, timeout_s: float) -> None:
        """Take in the next record that becomes visible."""
        found = self._reader.poll(timeout_s)
        if found is not None:
            self._add(found.topic, found.record)

    def follow_until(self, condition: Callable[[], bool], what: str, timeout_s: float = TIMEOUT_S) -> None:
        """Read live until a condition holds; fails naming what did not come."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, f"{what} did not come within {timeout_s:g} s: {self.counts()}"
            self.poll(0.1)

    def follow_to(self, expected: Mapping[CandleKey, ExpectedCandle], trades: int) -> None:
        """Read live until all expected candles are there and so many trades accounted for.

        Sinks commit one after the other: what one topic shows says nothing of the next.
        """
        self.follow_until(
            lambda: expected.keys() <= self.keys and sum(self.counts().values()) >= trades,
            f"{len(expected)} candles and {trades} trades",
        )

    def read_to_end(self) -> None:
        """Read everything that is committed by now."""
        for found in self._reader.read_to_end(TIMEOUT_S):
            self._add(found.topic, found.record)

    def counts(self) -> dict[str, int]:
        """How many trades are where; together they are all that were read."""
        seconds = [candle for candle in self.candles if candle["resolution"] == "1s"]
        return {
            "in candles": sum(candle["trade_count"] for candle in seconds),
            "duplicates": sum(candle["duplicate_count"] for candle in seconds),
            "late or changes": sum(row["trades"] for row in self.late),
            "rejected": sum(record["severity"] == "reject" for record in self.rejected),
        }

    def verdict(self, expected: Mapping[CandleKey, ExpectedCandle]) -> Verdict:
        """The candles beside the expected ones."""
        return compare(expected, self.candles)

    def _add_candle(self, record: dict[str, Any]) -> None:
        key = CandleKey.of(record)
        if key in self.keys:
            self.twice.append(key)
        self.keys.add(key)
        self.candles.append(record)

    def _add(self, topic: str, record: dict[str, Any]) -> None:
        if topic == topics.REJECTED:
            if record["topic"] == self._feed.topic:
                self.rejected.append(record)
        elif record["symbol"].startswith(f"{self._feed.name}-"):
            if topic == topics.LATE:
                self.late.append(record)
            else:
                self._add_candle(record)
