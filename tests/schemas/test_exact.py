"""Nothing is rounded: a value fits exactly, or is refused."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.exact import EPOCH, Fixed, instant, nanoseconds

PRICE = Fixed(38, 12)
LARGEST = Decimal("99999999999999999999999999.999999999999")


@pytest.mark.parametrize("value", [LARGEST, LARGEST.copy_negate(), Decimal("0.000000000001"), Decimal("1e25")])
def test_a_value_at_the_edge_of_precision_and_scale_is_kept_to_the_last_digit(value: Decimal) -> None:
    assert PRICE.fit(value) == value
    assert PRICE.from_wire(PRICE.to_wire(value)) == value


@pytest.mark.parametrize(
    "value",
    [
        "100000000000000000000000000",  # 27 digits before the point
        "0.0000000000001",  # 13 after it
        "99999999999999999999999999.9999999999999",
        Decimal("1e30"),  # few digits, but 31 before the point
        "1e-13",
    ],
)
def test_a_value_that_does_not_fit_is_refused_and_not_rounded(value: Decimal | str) -> None:
    with pytest.raises(ValueError, match=r"does not fit decimal\(38, 12\) exactly"):
        PRICE.fit(value)


def test_zeros_beyond_the_scale_do_not_matter() -> None:
    assert PRICE.fit("1.50000000000000000000") == Decimal("1.5")


@pytest.mark.parametrize("value", [1.5, True, None, "", "1_000", "١٢", "0x10", "1,5", b"1"])
def test_what_is_no_exact_number_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="is no exact number"):
        PRICE.fit(value)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "sNaN", "-Infinity"])
def test_a_number_without_a_value_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="exact"):
        PRICE.fit(value)
    with pytest.raises(ValueError, match="exact"):
        PRICE.fit(Decimal(value))


@given(st.integers(-(10**38) + 1, 10**38 - 1))
def test_the_wire_holds_the_unscaled_integer_in_twos_complement(unscaled: int) -> None:
    value = Decimal((int(unscaled < 0), tuple(map(int, str(abs(unscaled)))), -12))
    wire = PRICE.to_wire(value)
    assert int.from_bytes(wire, "big", signed=True) == unscaled
    assert PRICE.from_wire(wire) == value


def test_more_digits_on_the_wire_than_the_precision_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        PRICE.from_wire((10**38).to_bytes(17, "big"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2013-11-25T00:00:00.000000001Z", 1_385_337_600_000_000_001),
        ("2013-11-25T01:00:00,123456789+01:00", 1_385_337_600_123_456_789),
        ("2013-11-25 00:00:00Z", 1_385_337_600_000_000_000),
        ("1969-12-31T23:59:59.999999999Z", -1),
        (datetime(2013, 11, 25, 1, 0, 0, 7, tzinfo=timezone(timedelta(hours=1))), 1_385_337_600_000_007_000),
        (1_385_337_600_123_456_789, 1_385_337_600_123_456_789),
        ("2262-04-11T23:47:16.854775807Z", 2**63 - 1),
    ],
)
def test_times_become_exact_nanoseconds(value: Any, expected: int) -> None:
    assert nanoseconds(value) == expected


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("2013-11-25T00:00:00", "has no zone"),
        (datetime(2013, 11, 25), "has no zone"),  # noqa: DTZ001
        ("2013-11-25T00:00:00.0000000001Z", "finer than a nanosecond"),
        ("2013-02-30T00:00:00Z", "day"),
        ("2013-11-25", "not ISO-8601"),
        ("1385337600000000000", "not ISO-8601"),
        ("2262-04-11T23:47:16.854775808Z", "does not fit 64 bits"),
        (2**63, "does not fit 64 bits"),
        (1.5, "is no time"),
        (True, "are no times"),
    ],
)
def test_a_time_that_is_ambiguous_or_inexact_is_refused(value: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        nanoseconds(value)


@given(st.datetimes(datetime(1678, 1, 1), datetime(2262, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_datetime_and_its_nanoseconds_are_the_same_instant(value: datetime) -> None:
    assert instant(nanoseconds(value)) == value
    assert nanoseconds(value.isoformat()) == (value - EPOCH) // timedelta(microseconds=1) * 1_000


def test_an_instant_finer_than_a_microsecond_is_refused() -> None:
    with pytest.raises(ValueError, match="finer than a microsecond"):
        instant(1_385_337_600_000_000_001)
