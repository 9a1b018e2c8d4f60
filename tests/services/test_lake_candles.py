"""The lake beside what was committed: what it has not got yet is no difference, everything else is."""

from typing import Any

from services.oracle import CandleKey
from services.projections.agreement import differences
from services.projections.lake import LakeCandles
from services.projections.store import highest
from tests.services.candles import candle


def placed(offset: int, number: int, revision: int = 0, **fields: Any) -> dict[str, Any]:
    """A committed candle and its place."""
    return {**candle(number, revision, **fields), "kafka_partition": 0, "kafka_offset": offset}


def found(rows: list[dict[str, Any]], *committed: dict[str, Any]) -> list[tuple[str, int]]:
    """Kinds of differences and the numbers of their windows."""
    known = {CandleKey.of(each): each for each in highest(committed)}
    first = candle(0)["window_start"]
    held = differences(known, LakeCandles(rows))
    return [(each.kind, (each.key.window_start - first) // 10**9) for each in held]


def test_rows_and_revisions_that_it_has_not_read_yet_are_no_difference() -> None:
    first, second, revised, third = placed(0, 0), placed(1, 1), placed(2, 0, 1), placed(3, 2)
    assert found([first, second], first, second, revised, third) == []
    assert found([first, second, revised], first, second, revised, third) == []


def test_what_is_missing_doubled_or_other_is_named() -> None:
    committed = [placed(number, number) for number in range(5)]
    rows = [committed[0], committed[2], committed[2], {**committed[3], "trade_count": 7}, committed[4]]
    assert sorted(found(rows, *committed)) == [("differing", 3), ("missing", 1), ("unexpected", 2)]


def test_a_revision_that_it_must_have_is_a_difference() -> None:
    rows = [placed(0, 0), placed(2, 1)]
    assert found(rows, placed(0, 0), placed(1, 0, 1), placed(2, 1)) == [("differing", 0)]
