"""A feed whose candle job has ended, so that every window is closed, and what an audit says of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from confluent_kafka import Producer

from deploy.audit import Report, Scope, audit
from deploy.stack import Stack
from jobs.settings import Settings
from schemas import avro, topics
from schemas.codec import Encoder
from schemas.registered import Registry
from schemas.resolutions import seconds
from services.oracle import SECOND_NS
from services.projections.store import Store
from tests.integration.candle_job import Feed
from tests.integration.candle_output import Output


@dataclass
class Books:
    """The feed, its job's settings and what is committed."""

    feed: Feed
    chosen: Settings
    stack: Stack
    output: Output

    def audit(self, names: Iterable[str], stores: Iterable[Store] = (), end: int = Scope().end) -> Report:
        """Audit the candles of these symbols of the feed, in these stores too, in windows that end until then."""
        symbols = frozenset(self.feed.symbol(name) for name in names)
        return audit(self.chosen, Scope(end=end, symbols=symbols), lambda _: None, stores)

    def await_revision(self, name: str, resolution: str, revision: int, start: int | None = None) -> None:
        """Wait until a revision of a candle, of any window or of one that starts then, is committed."""

        def is_there() -> bool:
            return any(
                (each["symbol"], each["resolution"], each["revision"]) == (self.feed.symbol(name), resolution, revision)
                and start in (None, each["window_start"])
                for each in self.output.candles
            )

        self.output.follow_until(is_there, f"revision {revision} of {name} {resolution}")

    def publish(self, name: str, resolution: str, start: int, **changed: Any) -> None:
        """Write a candle behind the jobs' back: one trade of one unit at 1, but for what is changed."""
        topic = topics.candles(resolution)
        record = {
            "symbol": self.feed.symbol(name),
            "resolution": resolution,
            "window_start": start,
            "window_end": start + seconds(resolution) * SECOND_NS,
            **dict.fromkeys(("open", "high", "low", "close", "volume", "vwap", "notional"), Decimal(1)),
            "trade_count": 1,
            "duplicate_count": 0,
            "first_ts_event": start,
            "last_ts_event": start,
            "complete": True,
            "revision": 0,
            **changed,
        }
        schema_id = Registry(self.stack.registry_client()).schema_id(topic, avro.load("candle"))
        producer = Producer({"bootstrap.servers": self.stack.bootstrap_servers, "partitioner": "murmur2_random"})
        producer.produce(topic, Encoder(schema_id, "candle").encode(record), record["symbol"])
        assert producer.flush(10) == 0
