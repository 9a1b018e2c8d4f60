"""Quix Streams: exactly once, two processes; it compares times in milliseconds. Ends when nothing comes any more."""

from typing import Any

import quixstreams.dataframe.windows.aggregations as agg
from peer_task import BROKERS, CANDLES, COMMIT_INTERVAL_S, GROUP, OUT_OF_ORDERNESS_S, TRADES, WORK, encoded, trade
from quixstreams import Application

IDLE_S = 15.0

app = Application(
    broker_address=BROKERS,
    consumer_group=GROUP,
    auto_offset_reset="earliest",
    processing_guarantee="exactly-once",
    commit_interval=COMMIT_INTERVAL_S,
    state_dir=WORK,
    loglevel="WARNING",
    producer_extra_config={"linger.ms": 50, "transaction.timeout.ms": 600_000},
)


def timestamp_ms(value: bytes, _headers: Any, _timestamp: Any, _kind: Any) -> int:
    return trade(value).ts_event // 1_000_000


def candle(window: dict[str, Any], key: str, _timestamp: int, _headers: Any) -> bytes:
    names = ("open", "high", "low", "close", "volume")
    return encoded(key, window["start"], tuple(window[name] for name in names), window["trades"])


trades = app.topic(TRADES, key_deserializer="str", value_deserializer="bytes", timestamp_extractor=timestamp_ms)
candles = app.topic(CANDLES, key_serializer="str", value_serializer="bytes")
frame = app.dataframe(trades).apply(lambda value: trade(value)._asdict())
frame = frame.tumbling_window(1_000, grace_ms=OUT_OF_ORDERNESS_S * 1_000, on_late=lambda *_: False).agg(
    open=agg.Earliest("price"),
    high=agg.Max("price"),
    low=agg.Min("price"),
    close=agg.Latest("price"),
    volume=agg.Sum("size"),
    trades=agg.Count(),
)
frame.final().apply(candle, metadata=True).to_topic(candles)
app.run(timeout=IDLE_S)
