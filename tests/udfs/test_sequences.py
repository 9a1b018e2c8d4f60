"""Gaps in the numbering of a feed, and what fills them."""

from hypothesis import given
from hypothesis import strategies as st

from udfs.sequences import HOLES_MAX, Finding, Run, Series

SECOND = 10**9
DISORDER = 2 * SECOND


def told(*runs: tuple[int, int, int]) -> list[Finding]:
    """What is found in runs (first, last, second)."""
    series, *rest = [Run(first, last, at * SECOND, at * SECOND) for first, last, at in runs]
    known = Series.before(series)
    found = list(known.take(series, DISORDER))
    for run in rest:
        found += known.take(run, DISORDER)
    return found + list(known.report_all())


def test_consecutive_numbers_have_no_gap() -> None:
    assert told((5, 9, 1), (10, 10, 1), (11, 400, 60)) == []


def test_missing_numbers_are_a_gap_between_the_times_of_their_neighbours() -> None:
    assert told((1, 3, 1), (7, 9, 5)) == [Finding("gap", 4, 6, 1 * SECOND, 5 * SECOND)]


def test_what_comes_out_of_order_within_the_allowed_disorder_is_no_gap() -> None:
    assert told((1, 3, 10), (6, 6, 11), (4, 5, 12), (7, 7, 60)) == []


def test_a_gap_that_is_filled_later_is_told_of_twice() -> None:
    gap = Finding("gap", 4, 9, 1 * SECOND, 5 * SECOND)
    filled = [Finding("gap_filled", 6, 7, *gap[3:]), Finding("gap_filled", 4, 5, *gap[3:])]
    assert told((1, 3, 1), (10, 10, 5), (11, 11, 8), (6, 7, 2), (3, 5, 2)) == [gap, *filled]


def test_copies_of_what_came_change_nothing() -> None:
    assert told((1, 9, 1), (3, 5, 1), (1, 9, 1), (10, 12, 3)) == []


def test_a_numbering_that_begins_anew_is_told_and_is_no_gap() -> None:
    assert told((900, 990, 1), (1, 5, 60), (6, 8, 61)) == [Finding("sequence_reset", 1, 990, 1 * SECOND, 60 * SECOND)]


def test_a_resend_of_old_numbers_is_not_a_numbering_that_begins_anew() -> None:
    assert told((1, 990, 100), (1, 500, 50), (991, 999, 101)) == []


def test_the_holes_that_are_remembered_are_bounded() -> None:
    first = Run(0, 0, 0, 0)
    known = Series.before(first)
    for number in range(0, 3 * HOLES_MAX * 2, 2):
        list(known.take(Run(number, number, number, number), DISORDER))
    assert len(known.holes) == HOLES_MAX


@given(st.data(), st.sets(st.integers(1, 60), min_size=1))
def test_gaps_less_what_filled_them_are_the_numbers_that_never_came(data: st.DataObject, came: set[int]) -> None:
    order = data.draw(st.permutations(sorted(came)))
    runs = [Run(number, number, number * SECOND, number * SECOND) for number in order]
    known = Series.before(runs[0])
    missing: set[int] = set()
    received = 0
    for run in runs:
        begins_anew = run.last < known.last and run.first_ts_event > known.newest + DISORDER
        assert not begins_anew
        received += known.fresh(run)
        for found in [*known.take(run, DISORDER), *known.report_all()]:
            numbers = set(range(found.first, found.last + 1))
            missing = missing | numbers if found.kind == "gap" else missing - numbers
    seen = {number for number in came if number >= order[0]}
    assert missing == set(range(order[0], max(came) + 1)) - came
    assert received == len(seen)
