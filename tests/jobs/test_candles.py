"""The projection of accumulators to published candles, as SQL."""

import re

import pytest

from jobs.candles import publish
from schemas import avro


@pytest.mark.parametrize(("resolution", "length_ns"), [("1s", 10**9), ("15m", 900 * 10**9), ("1d", 86_400 * 10**9)])
def test_a_candle_is_stamped_with_both_bounds_of_its_window(resolution: str, length_ns: int) -> None:
    sql = publish(resolution, stamped=False)
    assert f"window_start + {length_ns} AS window_end" in sql
    assert f"MOD(candle.first_ts_event, {length_ns}) AS window_start" in sql
    assert f"'{resolution}' AS resolution" in sql
    assert f"FROM accumulators_{resolution}" in sql


def test_the_columns_are_those_of_the_schema_in_its_order() -> None:
    select = publish("1m", stamped=False).partition("SELECT")[2].partition("FROM (")[0]
    columns = [re.findall(r"\w+", line)[-1] for line in select.strip().splitlines()]
    assert columns == [field["name"] for field in avro.load("candle")["fields"]]
