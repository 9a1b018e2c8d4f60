"""The quality of a period says what its minutes say, no more and no less."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.models import Quality, QualityEvent
from services.quality_report import Period, Report, report
from services.quality_summary import percent, summary
from tests.services.quality_records import MINUTE, filled, gap, minute

ALL = Period()


def states(found: Report) -> list[tuple[str, tuple[tuple[int, int], ...]]]:
    return [(each.state, each.open) for each in found.gaps]


def test_counts_are_added_up_and_measures_are_computed_from_them() -> None:
    minutes = [
        minute(0, trades=90, duplicates=10, rejected=0, flagged=3, late=2, missing=10),
        minute(1, trades=10, duplicates=0, rejected=90, flagged=0, late=1, missing=0),
    ]
    found = summary("A", minutes)
    assert (found.minutes, found.trades, found.duplicates, found.rejected) == (2, 100, 10, 90)
    assert (found.flagged, found.late, found.missing) == (3, 3, 10)
    assert found.uniqueness == 100 / 110
    assert found.validity == pytest.approx(1 - (90 + 3) / (100 + 10 + 90))


def test_completeness_weighs_a_minute_by_the_messages_it_should_have() -> None:
    minutes = [minute(0, trades=10, missing=990, completeness=0.01), minute(1, trades=1000)]
    assert summary("A", minutes).completeness == pytest.approx((10 + 1000) / (1000 + 1000))


def test_of_the_other_measures_every_minute_that_knows_weighs_the_same() -> None:
    minutes = [
        minute(0, trades=9, timeliness=0.5, consistency=None, accuracy=0.8),
        minute(1, trades=1, timeliness=1.0, consistency=0.9, accuracy=None),
        minute(2, trades=5, timeliness=None, consistency=0.7, accuracy=0.6),
    ]
    found = summary("A", minutes)
    assert [found.timeliness, found.consistency, found.accuracy] == pytest.approx([0.75, 0.8, 0.7])


def test_what_no_minute_knows_is_not_known() -> None:
    unknown: dict[str, Any] = dict.fromkeys(("missing", "lag_p50_ms", "lag_p99_ms", "completeness", "timeliness"))
    found = summary("A", [minute(0, trades=0, consistency=None, **unknown)])
    assert (found.missing, found.lag_p50_ms, found.lag_p99_ms, found.uniqueness, found.validity) == (None,) * 5
    assert (found.score, found.lowest) == (None, None)


def test_a_minute_without_a_trade_is_no_less_complete_for_what_is_missing_elsewhere() -> None:
    assert summary("A", [minute(0, trades=0, completeness=1.0), minute(1, trades=0)]).completeness == 1.0


def test_more_broken_records_than_trades_are_no_negative_validity() -> None:
    assert summary("A", [minute(0, trades=0, flagged=3)]).validity == 0.0


def test_the_score_is_the_lowest_of_the_known_measures_and_names_it() -> None:
    found = summary("A", [minute(0, timeliness=0.9, consistency=0.8, completeness=None)])
    assert (found.score, found.lowest) == (0.8, "consistency")
    assert (summary("A", [minute(0)]).score, summary("A", [minute(0)]).lowest) == (1.0, None)


def test_the_lag_is_the_median_of_the_medians_and_the_worst_of_the_99th_percentiles() -> None:
    lags = [(10, 50), (20, 900), (1000, 60), (None, None)]
    minutes = [minute(at, lag_p50_ms=middle, lag_p99_ms=high) for at, (middle, high) in enumerate(lags)]
    found = summary("A", minutes)
    assert (found.lag_p50_ms, found.lag_p99_ms) == (20, 900)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_the_highest_revision_of_a_minute_counts_wherever_it_stands(order: tuple[int, ...]) -> None:
    revisions = [minute(0, revision=number, trades=100 + number) for number in range(3)]
    found = report([revisions[place] for place in order], ALL)
    assert [(each.revision, each.trades) for each in found.minutes] == [(2, 102)]
    assert found.total.trades == 102


def test_of_equal_revisions_the_last_counts() -> None:
    assert report([minute(0, trades=1), minute(0, trades=2)], ALL).total.trades == 2


def test_a_period_holds_the_minutes_that_lie_within_it_whole() -> None:
    records = [minute(number, trades=10**number) for number in range(5)]
    found = report(records, Period(1 * MINUTE, 4 * MINUTE))
    assert (found.total.trades, found.start, found.end) == (1110, 1 * MINUTE, 4 * MINUTE)
    assert report(records, Period(1 * MINUTE + 1, 4 * MINUTE - 1)).total.trades == 100


def test_a_period_of_a_symbol_knows_no_other() -> None:
    records: list[Quality | QualityEvent] = [minute(0), minute(0, "B"), gap(1, 2), gap(3, 4, symbol="B")]
    found = report(records, Period(symbols=frozenset("B")))
    assert ([each.symbol for each in found.symbols], [each.symbol for each in found.gaps]) == (["B"], ["B"])


def test_symbols_come_with_the_lowest_score_first_and_the_unnamed_last() -> None:
    records = [
        minute(0, "", timeliness=0.1),
        minute(0, "GOOD"),
        minute(0, "BAD", timeliness=0.2),
        minute(0, "FAIR", timeliness=0.9),
    ]
    assert [each.symbol for each in report(records, ALL).symbols] == ["BAD", "FAIR", "GOOD", ""]


def test_an_open_gap_misses_all_of_its_numbers() -> None:
    found = report([gap(5, 10)], ALL)
    assert states(found) == [("open", ((5, 10),))]
    assert (found.gaps[0].missing, found.gaps[0].still_missing) == (6, 6)


def test_a_gap_is_partly_filled_until_the_last_of_its_numbers_came() -> None:
    assert states(report([gap(5, 10), filled(7, 8)], ALL)) == [("partly filled", ((5, 6), (9, 10)))]
    whole = report([filled(9, 10), filled(7, 8), gap(5, 10), filled(5, 6)], ALL)
    assert states(whole) == [("filled", ())]
    assert whole.open_gaps == []


def test_after_a_reset_the_same_numbers_are_other_numbers() -> None:
    found = report([gap(5, 10, at=0), gap(5, 10, at=900), filled(5, 10, at=900)], ALL)
    assert [(each.ts_event, each.state) for each in found.gaps] == [(0, "open"), (900 * MINUTE, "filled")]


def test_another_venue_or_symbol_numbers_for_itself() -> None:
    found = report([gap(5, 10), filled(5, 10, venue="W"), filled(5, 10, symbol="B")], ALL)
    assert states(found) == [("open", ((5, 10),))]


def test_a_gap_that_is_told_twice_is_one() -> None:
    assert states(report([gap(5, 10), gap(5, 10)], ALL)) == [("open", ((5, 10),))]


def test_a_gap_is_in_the_period_when_one_of_the_trades_around_it_is() -> None:
    records = [gap(number, number, at=number) for number in range(6)]
    found = report(records, Period(2 * MINUTE, 4 * MINUTE))
    assert [each.first_sequence for each in found.gaps] == [1, 2, 3]


def test_other_events_are_counted_by_kind_in_the_period() -> None:
    events = [
        QualityEvent(symbol="A", kind=kind, ts_event=at * MINUTE)
        for kind, at in [("partitions", 0), ("partitions", 1), ("unknown_condition", 1), ("partitions", 2)]
    ]
    found = report([*events, gap(1, 2, 1), filled(1, 2, 1)], Period(1 * MINUTE, 2 * MINUTE))
    assert found.events == {"partitions": 1, "unknown_condition": 1}


def test_the_worst_minutes_are_a_few_of_each_symbol_and_none_that_is_perfect() -> None:
    outage = [minute(number, "OUT", timeliness=0.0) for number in range(9)]
    other = [minute(3, "B", consistency=0.9, finding="seconds do not add up"), minute(4, "B")]
    worst = report([*outage, *other], ALL).worst_minutes
    assert [(each.symbol, each.window_start // MINUTE) for each in worst] == [
        ("OUT", 0), ("OUT", 1), ("OUT", 2), ("B", 3),
    ]  # fmt: skip
    assert worst[-1].finding == "seconds do not add up"


def test_the_verdict_counts_good_symbols_and_names_the_worst_and_what_is_missing() -> None:
    records = [minute(0, "A"), minute(0, "B", timeliness=0.5), minute(0, "", rejected=9, trades=0)]
    assert report(records, ALL).verdict == (
        "1 of 2 symbols score 99.90 % or better; worst: B 50.00 % (timeliness); no gap open"
    )
    assert report([minute(0), gap(5, 10), filled(5, 9), gap(1, 9, at=7), filled(1, 9, at=7)], ALL).verdict == (
        "1 of 1 symbols score 99.90 % or better; 1 gap open, 1 message missing"
    )


@pytest.mark.parametrize(
    ("share", "shown"),
    [(1.0, "100.00"), (0.99999, "99.99"), (1 - 2**-52, "99.99"), (0.9997, "99.97"), (0.07, "7.00"), (0.0, "0.00")],
)
def test_only_a_perfect_share_is_shown_as_100_percent(share: float, shown: str) -> None:
    assert percent(share) == shown


RANGES = st.tuples(st.integers(0, 60), st.integers(0, 12)).map(lambda drawn: (drawn[0], drawn[0] + drawn[1]))


@given(RANGES, st.lists(RANGES, max_size=8))
def test_what_is_open_is_what_was_missing_less_what_came(missing: tuple[int, int], came: list[tuple[int, int]]) -> None:
    inside = [(max(first, missing[0]), min(last, missing[1])) for first, last in came]
    parts = [(first, last) for first, last in inside if first <= last]
    (found,) = report([gap(*missing), *(filled(*part) for part in parts)], ALL).gaps
    numbers = set(range(missing[0], missing[1] + 1))
    left = numbers.difference(*(range(first, last + 1) for first, last in parts))
    assert [number for first, last in found.open for number in range(first, last + 1)] == sorted(left)
    assert found.still_missing == len(left)


COUNTED = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=20)


@given(COUNTED)
def test_completeness_of_a_period_is_that_of_all_its_messages(counted: list[tuple[int, int]]) -> None:
    minutes = [
        minute(at, trades=came, missing=missing, completeness=came / (came + missing) if came + missing else None)
        for at, (came, missing) in enumerate(counted)
    ]
    came, missing = (sum(each) for each in zip(*counted, strict=True))
    expected = came / (came + missing) if came + missing else None
    assert summary("A", minutes).completeness == (None if expected is None else pytest.approx(expected, abs=1e-12))


REVISIONS = [
    minute(at, symbol, revision=revision, late=revision) for at in (0, 1) for symbol in "AB" for revision in (0, 1)
]


@given(st.permutations(REVISIONS))
def test_a_report_does_not_depend_on_the_order_of_records(records: list[Quality]) -> None:
    found = report(records, ALL)
    assert [(each.symbol, each.window_start, each.revision) for each in found.minutes] == [
        ("A", 0, 1), ("A", MINUTE, 1), ("B", 0, 1), ("B", MINUTE, 1),
    ]  # fmt: skip
    assert found.total.late == 4
