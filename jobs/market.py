"""What is committed on the topics, looked up by place and time: the eyes of the reconcile job.

Candles carry the last millisecond of their window as Kafka timestamp, so the broker's time index finds them.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka import Message as KafkaMessage
from confluent_kafka.admin import AdminClient, OffsetSpec

from jobs.committed_log import TIMEOUT_S, Candles, CommittedLog, Place, Trades
from jobs.settings import Settings
from schemas import resolutions as lengths
from schemas import topics
from schemas.codec import CodecError, Decoder
from schemas.models import Trade
from schemas.registered import Registry
from udfs import rules
from udfs.accumulator import Accumulator
from udfs.partitioner import partition_of
from udfs.recompute import SECOND_NS, Message
from udfs.revisions import Version, WindowKey
from udfs.sources import Sources
from udfs.validation import judge

POLL_S = 0.1
"""The broker is asked no more often how far transactions have settled."""
MILLI_NS = 1_000_000


@dataclass(frozen=True)
class _Observation:
    """How far the candle topics were written at a moment, and the latest window on each of them."""

    at: float
    ends: dict[Place, int]
    latest_ms: dict[str, int]


class KafkaMarket:
    """Committed trades and candles of all symbols. One thread uses it; close it."""

    def __init__(self, settings: Settings) -> None:
        client = settings.kafka_client()
        self._settings = settings
        self._rules = rules.load(settings.rules)
        self._log = CommittedLog(client)
        self._seen_trades = Trades(self._log, settings.trades_topic)
        self._seen_candles = Candles(self._log)
        self._admin = AdminClient(client)
        lookup = Registry(settings.registry_client()).schema
        self._trades, self._candles = Decoder("trade", lookup), Decoder("candle", lookup)
        self._partitions = self._count_partitions()
        self._observed: _Observation | None = None
        self._asked = 0.0
        self._latest_ms: dict[str, int] = {}
        self.settled_at = 0.0
        """Every candle that was written before this time (monotonic, s) is committed, or never will be."""

    def close(self) -> None:
        """Leave the broker."""
        self._log.close()

    def poll(self) -> None:
        """Ask the broker how far the transactions on the candle topics have settled."""
        if time.monotonic() - self._asked < POLL_S:
            return
        self._asked = time.monotonic()
        if self._observed is None:
            self._observed = self._observe()
        stable = self._offsets(OffsetSpec.latest(), IsolationLevel.READ_COMMITTED)
        if all(stable[place][0] >= end for place, end in self._observed.ends.items()):
            self.settled_at, self._latest_ms = self._observed.at, self._observed.latest_ms
            self._observed = None
            self._seen_candles.settle({place: offset for place, (offset, _) in stable.items()})

    def of(self, symbol: str) -> "SymbolMarket":
        """The view of one symbol."""
        return SymbolMarket(self, symbol)

    def reached(self, resolution: str, end: int) -> bool:
        """Whether the candles of this resolution have come as far as a window that ends there."""
        return self._latest_ms.get(topics.candles(resolution), -1) >= end // MILLI_NS - 1

    def messages(self, symbol: str, second: int, sources: Sources) -> Iterator[Message]:
        """The valid messages of a symbol's second that stand in these ranges of the trades topic."""
        for each in sources:
            for message in self._seen_trades.of(symbol, each):
                trade = self._trade(message, symbol)
                if trade is not None and trade.second == second:
                    yield trade

    def candles(self, symbol: str, resolution: str, start: int, end: int) -> Iterator[tuple[int, Version]]:
        """(window_start, version) of all candles of a symbol with start <= window_start < end."""
        topic = topics.candles(resolution)
        place = topic, partition_of(symbol, self._partitions[topic])
        first_ms = (start + lengths.seconds(resolution) * SECOND_NS) // MILLI_NS - 1
        for value in self._seen_candles.of(symbol, place, first_ms):
            record = self._candles.decode(value)
            if start <= record["window_start"] < end:
                yield record["window_start"], Version(record["revision"], Accumulator.of_candle(record))

    def _trade(self, message: KafkaMessage, symbol: str) -> Message | None:
        try:
            trade = self._trades.decode(message.value() or b"")
        except CodecError:
            return None  # rejected by the candle job too
        if trade["symbol"] != symbol or self._is_rejected(trade, message.timestamp()[1]):
            return None
        return Message(message.partition(), message.offset(), trade)

    def _is_rejected(self, record: dict[str, object], ts_kafka_ms: int) -> bool:
        """As the candle job judges, but for price bands, which know what came before."""
        found = judge(self._rules, Trade.from_avro(record), ts_kafka_ms * MILLI_NS)
        return found is not None and found.severity == "reject"

    def _observe(self) -> _Observation:
        at = time.monotonic()
        latest: dict[str, int] = {}
        found = self._offsets(OffsetSpec.max_timestamp(), IsolationLevel.READ_UNCOMMITTED)
        for (topic, _), (_, timestamp_ms) in found.items():
            latest[topic] = max(timestamp_ms, latest.get(topic, -1))
        ends = self._offsets(OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED)
        return _Observation(at, {place: end for place, (end, _) in ends.items()}, latest)

    def _offsets(self, wanted: OffsetSpec, level: IsolationLevel) -> dict[Place, tuple[int, int]]:
        """(offset, timestamp) of every partition of the candle topics."""
        places = [TopicPartition(topic, n) for topic, count in self._partitions.items() for n in range(count)]
        answers = self._admin.list_offsets(
            dict.fromkeys(places, wanted), isolation_level=level, request_timeout=TIMEOUT_S
        )
        results = {(place.topic, place.partition): answer.result() for place, answer in answers.items()}
        return {place: (result.offset, result.timestamp) for place, result in results.items()}

    def _count_partitions(self) -> dict[str, int]:
        found = self._admin.list_topics(timeout=TIMEOUT_S).topics
        wanted = [topics.candles(resolution) for resolution in self._settings.resolutions]
        return {topic: len(found[topic].partitions) for topic in wanted}


class SymbolMarket:
    """The market as udfs.revisions looks at it."""

    def __init__(self, market: KafkaMarket, symbol: str) -> None:
        self._market, self._symbol = market, symbol

    def messages(self, second: int, sources: Sources) -> Iterator[Message]:
        """The valid messages of a second that stand in these ranges."""
        return self._market.messages(self._symbol, second, sources)

    def candles(self, resolution: str, start: int, end: int) -> Mapping[int, Version]:
        """The highest revision of each candle with start <= window_start < end."""
        highest: dict[int, Version] = {}
        for at, version in self._market.candles(self._symbol, resolution, start, end):
            if at not in highest or highest[at].revision < version.revision:
                highest[at] = version
        return highest

    def on_time(self, key: WindowKey) -> Version | None:
        """Revision 0 of a candle, None when there is none."""
        found = self._market.candles(self._symbol, key.resolution, key.start, key.start + 1)
        return next((version for _, version in found if version.revision == 0), None)

    def reached(self, resolution: str, end: int) -> bool:
        """Whether the candles of this resolution have come as far as a window that ends there."""
        return self._market.reached(resolution, end)
