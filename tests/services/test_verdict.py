"""A verdict finds every way in which committed candles can be wrong."""

from decimal import Decimal
from typing import Any

import pytest

from services.oracle import SECOND_NS, CandleKey, expected_candles
from services.verdict import Difference, compare
from tests.services.tape import trade

EXPECTED = expected_candles([trade(1, "10", "2"), trade(SECOND_NS, "11", "3")], ["1s"]).candles
FIRST, SECOND = EXPECTED


def committed() -> list[dict[str, Any]]:
    return [key._asdict() | candle._asdict() | {"revision": 0} for key, candle in EXPECTED.items()]


def test_equal_candles_hold_whatever_their_trailing_zeros() -> None:
    records = committed()
    records[0]["open"] = Decimal("10.000000000000")
    verdict = compare(EXPECTED, records)
    assert verdict.holds
    assert verdict.summary() == "all equal: 2 candles equal, 0 differing, 0 missing, 0 unexpected, 0 twice"


@pytest.mark.parametrize("field", EXPECTED[FIRST]._fields)
def test_a_wrong_field_is_found_by_its_name(field: str) -> None:
    records = committed()
    records[0][field] += 1
    verdict = compare(EXPECTED, records)
    right = getattr(EXPECTED[FIRST], field)
    assert not verdict.holds
    assert verdict.differing == [Difference(FIRST, field, right, right + 1)]
    assert verdict.equal == 1


def test_a_null_is_not_a_value() -> None:
    records = committed()
    records[1]["vwap"] = None
    verdict = compare(EXPECTED, records)
    assert "differing: A 1s 1970-01-01T00:00:01Z vwap: expected 11.000000000000, committed None" in verdict.summary()


def test_a_missing_candle_is_found() -> None:
    verdict = compare(EXPECTED, committed()[:1])
    assert (verdict.holds, verdict.missing) == (False, [SECOND])


def test_an_unexpected_candle_is_found() -> None:
    stray = committed()[0] | {"symbol": "B"}
    verdict = compare(EXPECTED, [*committed(), stray])
    assert (verdict.holds, verdict.unexpected) == (False, [CandleKey("B", "1s", 0)])


def test_a_candle_committed_twice_is_found_although_both_are_right() -> None:
    verdict = compare(EXPECTED, [*committed(), committed()[1]])
    assert (verdict.holds, verdict.twice, verdict.equal) == (False, [SECOND], 2)
    assert "twice: A 1s 1970-01-01T00:00:01Z" in verdict.summary()


def test_the_highest_revision_is_compared_wherever_it_stands() -> None:
    wrong = committed()[0] | {"close": Decimal(99)}
    corrected = committed()[0] | {"revision": 1}
    assert compare(EXPECTED, [corrected, wrong, committed()[1]]).holds
    assert not compare(EXPECTED, [committed()[0], wrong | {"revision": 2}, committed()[1]]).holds


def test_a_summary_shows_the_first_few_findings_only() -> None:
    many = expected_candles([trade(second * SECOND_NS) for second in range(100)], ["1s"]).candles
    summary = compare(many, []).summary()
    assert summary.startswith("NOT EQUAL: 0 candles equal, 0 differing, 100 missing")
    assert len(summary.splitlines()) < 10
