"""Lengths of candles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.resolutions import DEFAULT, check_cascade, interval, seconds, stepped


@pytest.mark.parametrize(("resolution", "length"), [("1s", 1), ("15m", 900), ("1h", 3_600), ("1d", 86_400)])
def test_a_resolution_has_a_length_in_seconds(resolution: str, length: int) -> None:
    assert seconds(resolution) == length


@pytest.mark.parametrize("wrong", ["", "s", "m1", "0s", "1.5m", "-1m", "1M", "1 m", "٣m", "²s", "1w", "+1s"])
def test_what_is_no_resolution_is_named(wrong: str) -> None:
    with pytest.raises(ValueError, match="is not a resolution: a whole number and s, m, h or d, such as 15m"):
        seconds(wrong)


@given(st.integers(1, 10**6), st.sampled_from("smhd"))
def test_a_sql_interval_has_the_same_length(number: int, unit: str) -> None:
    words = {"SECOND": 1, "MINUTE": 60, "HOUR": 3_600, "DAY": 86_400}
    _, quoted, word = interval(f"{number}{unit}").split()
    assert int(quoted.strip("'")) * words[word] == seconds(f"{number}{unit}")


def test_the_default_is_a_cascade() -> None:
    assert check_cascade(DEFAULT) == DEFAULT


@pytest.mark.parametrize(
    ("resolutions", "remedy"),
    [
        ([], "the first resolution must be 1s"),
        (["1m", "1h"], "the first resolution must be 1s"),
        (["1s", "1m", "1m"], "60 s cannot be rolled up from 60 s"),
        (["1s", "5m", "1m"], "60 s cannot be rolled up from 300 s"),
        (["1s", "10s", "15s"], "15 s cannot be rolled up from 10 s"),
        (["1s", "7s"], "7s does not divide a day"),
        (["1s", "2d"], "2d does not divide a day"),
    ],
)
def test_what_cannot_be_rolled_up_is_refused(resolutions: list[str], remedy: str) -> None:
    with pytest.raises(ValueError, match=remedy):
        check_cascade(resolutions)


def test_a_step_divides_its_length_and_the_length_a_day() -> None:
    assert stepped("5m:1m") == ("5m", "1m")
    assert stepped("1d:1h") == ("1d", "1h")


@pytest.mark.parametrize("wrong", ["5m", "5m:", "5m:2m", "1m:5m", "1m:1m", "7m:1m", "5m:0s", "five:1m", "5m:1m:1s"])
def test_what_is_no_length_and_step_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="'"):
        stepped(wrong)
