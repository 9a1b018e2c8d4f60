"""Bytewax: at least once, two processes. Its clock stands still: else it counts a backlog's trades as late."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
import bytewax.operators.windowing as win
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.dataflow import Dataflow
from peer_task import BROKERS, CANDLES, OUT_OF_ORDERNESS_S, TRADES, Trade, encoded, trade

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Candle = tuple[int, int, int, int, int, int, int, int]
"""Times of the first and the last trade; open, high, low, close, volume, number of trades."""


def decode(messages: list[Any]) -> Iterator[tuple[str, Trade]]:
    for message in messages:
        found = trade(message.value)
        yield found.symbol, found


def fold(candle: Candle | None, each: Trade) -> Candle:
    _, ts, price, size = each
    if candle is None:
        return (ts, ts, price, price, price, price, size, 1)
    first, last, opened, high, low, closed, volume, trades = candle
    if ts < first:
        first, opened = ts, price
    if ts >= last:
        last, closed = ts, price
    return (first, last, opened, max(high, price), min(low, price), closed, volume + size, trades + 1)


def message(item: tuple[str, tuple[int, Candle]]) -> Any:
    symbol, (window, (_, _, *values, trades)) = item
    return KafkaSinkMessage(symbol.encode(), encoded(symbol, window * 1_000, tuple(values), trades))


clock = win.EventClock(
    ts_getter=lambda each: EPOCH + timedelta(microseconds=each.ts_event // 1_000),
    wait_for_system_duration=timedelta(seconds=OUT_OF_ORDERNESS_S),
    now_getter=lambda: EPOCH,
    to_system_utc=lambda _: None,
)
windows = win.TumblingWindower(length=timedelta(seconds=1), align_to=EPOCH)
flow = Dataflow("candles")
source = op.input("trades", flow, KafkaSource([BROKERS], [TRADES], tail=False))
trades = op.flat_map_batch("decode", source, decode)
folded = win.fold_window("fold", trades, clock, windows, lambda: None, fold, lambda one, _: one, ordered=False)
op.output("candles", op.map("encode", folded.down, message), KafkaSink([BROKERS], CANDLES))
