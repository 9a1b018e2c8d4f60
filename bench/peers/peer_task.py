"""What a peer in Python is to do, from its environment, and the two forms of its messages."""

import io
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import fastavro

BROKERS, TRADES, CANDLES = (os.environ[name] for name in ("BROKERS", "TRADES", "CANDLES"))
GROUP, WORK = os.environ["GROUP"], os.environ["WORK"]
COMMIT_INTERVAL_S = int(os.environ["COMMIT_INTERVAL_MS"]) / 1_000
OUT_OF_ORDERNESS_S = 2
HEADER = b"\0" + int(os.environ["CANDLE_SCHEMA_ID"]).to_bytes(4, "big")


class Trade(NamedTuple):
    """What a candle needs of a trade; price and size unscaled (12 decimals)."""

    symbol: str
    ts_event: int
    price: int
    size: int


def _plain(variable: str) -> Any:
    """A schema whose decimals and times are what they are written as: no time is lost with them."""
    schema = json.loads(Path(os.environ[variable]).read_text())
    for field in schema["fields"]:
        if isinstance(field["type"], dict):
            field["type"].pop("logicalType", None)
    return fastavro.parse_schema(schema)


TRADE, CANDLE = _plain("TRADE_SCHEMA"), _plain("CANDLE_SCHEMA")


def trade(value: bytes) -> Trade:
    """The trade in a message."""
    record: Any = fastavro.schemaless_reader(io.BytesIO(value[len(HEADER) :]), TRADE, None)
    return Trade(record["symbol"], record["ts_event"], _number(record["price"]), _number(record["size"]))


def encoded(symbol: str, start_ms: int, values: tuple[int, int, int, int, int], trades: int) -> bytes:
    """A candle's message; the values are open, high, low, close and volume."""
    out = io.BytesIO()
    out.write(HEADER)
    names = ("open", "high", "low", "close", "volume")
    row = {"symbol": symbol, "window_start": start_ms, "trade_count": trades}
    fastavro.schemaless_writer(out, CANDLE, row | dict(zip(names, map(_bytes, values), strict=True)))
    return out.getvalue()


def _number(unscaled: bytes) -> int:
    return int.from_bytes(unscaled, "big", signed=True)


def _bytes(unscaled: int) -> bytes:
    return unscaled.to_bytes(unscaled.bit_length() // 8 + 1, "big", signed=True)
