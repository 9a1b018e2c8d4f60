"""`--fill`: what a backfill writes has a candle in every window."""

from decimal import Decimal

import pyarrow as pa

from deploy.candle_files import filled
from schemas.arrow import arrow_schema
from tests.services.test_gaps import MINUTE, candle


def test_gaps_are_filled_across_batches_and_fit_the_columns_of_the_file() -> None:
    schema = arrow_schema("candle")
    candles = [{**candle(minute, close), "accumulator": "c3RhdGU="} for minute, close in ((0, "1"), (2, "2"), (5, "3"))]
    batches = [pa.RecordBatch.from_pylist([each], schema=schema) for each in candles]
    (batch,) = filled(iter(batches), schema)
    found = batch.to_pylist()
    assert [each["window_start"] // MINUTE for each in found] == [0, 1, 2, 3, 4, 5]
    assert [each["close"] for each in found] == [Decimal(close) for close in (1, 1, 2, 2, 2, 3)]
    assert [each for each in found if each["trade_count"]] == [batch.to_pylist()[0] for batch in batches]
