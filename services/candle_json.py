"""A committed candle as JSON: what the API answers, its streams carry and Redis holds.

Decimals are strings in plain notation, times ISO-8601 in UTC (those of trades to the nanosecond): no reader of JSON
loses a digit of either.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from schemas import avro
from schemas.exact import floor_instant
from schemas.models import Candle

KEPT = tuple(field["name"] for field in avro.load("candle")["fields"] if field["name"] != "accumulator")
"""What readers get of a candle, in this order. The accumulator is for jobs that merge candles and stays in Kafka."""
BOUNDS = ("window_start", "window_end")
TRADE_TIMES = ("first_ts_event", "last_ts_event")


def encode(candle: Mapping[str, Any]) -> bytes:
    """The JSON object of a record of schemas/candle.avsc."""
    return json.dumps(plain(candle), separators=(",", ":")).encode()


def decode(text: bytes) -> dict[str, Any]:
    """The fields KEPT of the record that a JSON object was made of. Raises ValueError for what is none."""
    record = Candle.model_validate_json(text).to_avro()
    return {name: record[name] for name in KEPT}


def plain(candle: Mapping[str, Any]) -> dict[str, Any]:
    """The fields KEPT of a record of schemas/candle.avsc, as JSON has them."""
    values = {name: candle[name] for name in KEPT}
    values |= {name: instant_text(values[name]) for name in BOUNDS}
    values |= {name: None if values[name] is None else instant_text(values[name], 9) for name in TRADE_TIMES}
    return {name: plain_decimal(value) if isinstance(value, Decimal) else value for name, value in values.items()}


def instant_text(nanoseconds_utc: int, digits: int = 0) -> str:
    """ISO-8601 in UTC with so many digits of the second's fraction: 2026-01-05T14:30:00Z."""
    second = floor_instant(nanoseconds_utc).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{nanoseconds_utc % 1_000_000_000:09}"[: digits + 1] if digits else ""
    return f"{second}{fraction}Z"


def plain_decimal(value: Decimal) -> str:
    """Without an exponent and without zeros at the end: 101.5, 0."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
