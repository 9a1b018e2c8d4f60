"""Sessions as the exchanges announced them, and what holds for every calendar."""

from datetime import date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.exact import nanoseconds
from udfs.calendars import Calendar, CalendarError, Calendars
from udfs.exchange_sessions import Period, Phase, Session

NEW_YORK, CHICAGO, TOKYO = ZoneInfo("America/New_York"), ZoneInfo("America/Chicago"), ZoneInfo("Asia/Tokyo")
MINUTE_NS = 60 * 10**9
DAY_NS = 86_400 * 10**9
CALENDARS = ["XNYS", "CMES", "24/7", "XLON", "XTKS", "XHKG", "XASX", "XTAE"]
INSTANTS = st.integers(nanoseconds("2012-06-01T00:00:00Z"), nanoseconds("2014-06-01T00:00:00Z"))


def at(text: str, zone: ZoneInfo = NEW_YORK) -> int:
    """Nanoseconds of a local time."""
    return nanoseconds(datetime.fromisoformat(text).replace(tzinfo=zone))


def period(start: str, end: str, zone: ZoneInfo = NEW_YORK) -> Period:
    return Period(at(start, zone), at(end, zone))


def session_on(calendar: str, day: str) -> Session | None:
    """The session that the exchange dates so."""
    noon = nanoseconds(f"{day}T12:00:00Z")
    found = [
        each for each in Calendar(calendar).sessions(noon - 2 * DAY_NS, noon + 2 * DAY_NS) if str(each.date) == day
    ]
    return found[0] if found else None


def test_a_regular_day_in_new_york_trades_from_half_past_nine_to_four_and_extended_from_four_to_eight() -> None:
    assert session_on("XNYS", "2024-07-02") == Session(
        date(2024, 7, 2),
        regular=(period("2024-07-02T09:30", "2024-07-02T16:00"),),
        extended=(period("2024-07-02T04:00", "2024-07-02T09:30"), period("2024-07-02T16:00", "2024-07-02T20:00")),
    )


@pytest.mark.parametrize("day", ["2013-11-29", "2024-07-03", "2024-11-29", "2024-12-24"])
def test_a_half_day_in_new_york_closes_at_one_and_its_extended_hours_at_five(day: str) -> None:
    session = session_on("XNYS", day)
    assert session is not None
    assert session.regular == (period(f"{day}T09:30", f"{day}T13:00"),)
    assert session.extended[1] == period(f"{day}T13:00", f"{day}T17:00")


@pytest.mark.parametrize(
    "day",
    ["2013-11-28", "2024-01-15", "2024-03-29", "2024-06-19", "2024-07-04", "2012-10-29", "2012-10-30", "2025-01-09"],
)
def test_a_holiday_a_hurricane_and_a_day_of_mourning_have_no_session(day: str) -> None:
    assert session_on("XNYS", day) is None
    assert Calendar("XNYS").at(at(f"{day}T12:00")) == (Phase.CLOSED, None)


@pytest.mark.parametrize(
    ("before", "after", "shift_hours"),
    [("2024-03-08", "2024-03-11", -1), ("2024-11-01", "2024-11-04", 1)],
)
def test_the_open_keeps_its_local_time_and_moves_in_utc_when_daylight_saving_changes(
    before: str, after: str, shift_hours: int
) -> None:
    first, second = session_on("XNYS", before), session_on("XNYS", after)
    assert first is not None
    assert second is not None
    assert second.regular[0].start == at(f"{after}T09:30")
    assert second.start == at(f"{after}T04:00")
    assert second.regular[0].start - first.regular[0].start == 3 * DAY_NS + shift_hours * 60 * MINUTE_NS


def test_futures_trade_from_the_evening_before_with_a_daily_halt_of_an_hour() -> None:
    monday, tuesday = session_on("CMES", "2024-07-01"), session_on("CMES", "2024-07-02")
    assert monday == Session(date(2024, 7, 1), (period("2024-06-30T17:00", "2024-07-01T16:00", CHICAGO),))
    assert tuesday == Session(date(2024, 7, 2), (period("2024-07-01T17:00", "2024-07-02T16:00", CHICAGO),))
    assert Calendar("CMES").at(at("2024-07-01T16:30", CHICAGO)) == (Phase.CLOSED, None)
    assert Calendar("CMES").at(at("2024-07-01T17:00", CHICAGO)) == (Phase.REGULAR, tuesday)


def test_futures_close_at_noon_on_independence_day_and_open_again_in_the_evening() -> None:
    session = session_on("CMES", "2024-07-04")
    assert session is not None
    assert session.regular == (period("2024-07-03T17:00", "2024-07-04T12:00", CHICAGO),)
    assert Calendar("CMES").next_open(at("2024-07-04T12:00", CHICAGO)) == at("2024-07-04T17:00", CHICAGO)


def test_a_session_of_futures_across_the_change_of_daylight_saving_keeps_its_local_hours() -> None:
    session = session_on("CMES", "2024-03-11")
    assert session is not None
    assert session.regular == (period("2024-03-10T17:00", "2024-03-11T16:00", CHICAGO),)
    assert session.end - session.start == 23 * 60 * MINUTE_NS


def test_tokyo_breaks_for_lunch() -> None:
    session = session_on("XTKS", "2024-07-02")
    assert session is not None
    assert session.regular == (
        period("2024-07-02T09:00", "2024-07-02T11:30", TOKYO),
        period("2024-07-02T12:30", "2024-07-02T15:00", TOKYO),
    )
    assert Calendar("XTKS").at(at("2024-07-02T12:00", TOKYO)) == (Phase.CLOSED, session)
    assert Calendar("XTKS").next_open(at("2024-07-02T12:00", TOKYO)) == at("2024-07-02T12:30", TOKYO)


def test_a_market_that_never_closes_has_utc_days_for_sessions_also_across_the_year() -> None:
    start, end = nanoseconds("2023-12-31T00:00:00Z"), nanoseconds("2024-01-02T00:00:00Z")
    days = Calendar("24/7").sessions(start, end)
    assert [(str(each.date), each.regular) for each in days] == [
        ("2023-12-31", (Period(start, start + DAY_NS),)),
        ("2024-01-01", (Period(start + DAY_NS, end),)),
    ]
    assert Calendar("24/7").next_change(start) is None


def test_a_session_that_starts_on_new_years_eve_is_found_from_both_years() -> None:
    second = session_on("XASX", "2024-01-02")
    assert second is not None
    assert second.start == nanoseconds("2024-01-01T23:00:00Z")
    new_year = session_on("XTAE", "2024-01-01")
    assert new_year is not None
    assert Calendar("XTAE").next_session(nanoseconds("2023-12-31T23:00:00Z")) == new_year


def test_after_a_close_the_next_open_is_that_of_the_next_session() -> None:
    calendar = Calendar("XNYS")
    assert calendar.next_open(at("2024-07-03T13:00")) == at("2024-07-05T09:30")
    assert calendar.next_open(at("2024-07-03T04:00")) == at("2024-07-03T09:30")


def test_the_phases_of_a_half_day_follow_each_other() -> None:
    calendar = Calendar("XNYS")
    instant, phases = at("2024-07-03T00:00"), []
    for _ in range(5):
        change = calendar.next_change(instant)
        assert change is not None
        phases.append(
            (datetime.fromtimestamp(change // 10**9, NEW_YORK).strftime("%d %H:%M"), calendar.at(change).phase)
        )
        instant = change
    assert phases == [
        ("03 04:00", Phase.EXTENDED),
        ("03 09:30", Phase.REGULAR),
        ("03 13:00", Phase.EXTENDED),
        ("03 17:00", Phase.CLOSED),
        ("05 04:00", Phase.EXTENDED),
    ]


def test_an_alias_names_the_same_calendar() -> None:
    assert Calendar("NASDAQ").name == Calendar("XNYS").name == "XNYS"


def test_the_first_rule_that_fits_a_symbol_decides_and_without_one_it_trades_all_day() -> None:
    calendars = Calendars(["ES*=CMES", "*.COINBASE=24/7", "*=XNAS"])
    symbols = ["ESZ4", "BTC-USD.COINBASE", "AAPL"]
    assert [calendars.of(symbol).name for symbol in symbols] == ["CMES", "24/7", "XNYS"]
    assert Calendars([]).of("BTC-USD").name == "24/7"


@pytest.mark.parametrize("rule", ["XNYS", "=XNYS"])
def test_a_rule_without_a_pattern_is_refused(rule: str) -> None:
    with pytest.raises(CalendarError, match=f"'{rule}' is no rule: pattern=calendar, such as ES"):
        Calendars([rule])


def test_an_unknown_calendar_is_refused_in_one_line() -> None:
    with pytest.raises(CalendarError, match="there is no calendar 'NYSEE': use a MIC such as XNYS"):
        Calendar("NYSEE")


def test_beyond_the_end_of_a_calendar_nobody_guesses() -> None:
    with pytest.raises(CalendarError, match="calendar XHKG is known until 2049-12-31"):
        Calendar("XHKG").at(nanoseconds("2050-01-03T03:00:00Z"))


def test_before_a_calendar_begins_its_market_is_closed() -> None:
    assert Calendar("XHKG").at(nanoseconds("1950-01-04T03:00:00Z")) == (Phase.CLOSED, None)


@pytest.mark.parametrize("name", CALENDARS)
def test_sessions_follow_each_other_and_are_made_of_whole_minutes(name: str) -> None:
    found = Calendar(name).sessions(nanoseconds("2013-01-01T00:00:00Z"), nanoseconds("2014-01-01T00:00:00Z"))
    assert len(found) > 230
    periods = [each for session in found for each in sorted(session.regular + session.extended)]
    assert all(each.start < each.end for each in periods)
    assert all(bound % MINUTE_NS == 0 for each in periods for bound in each)
    assert all(first.end <= second.start for first, second in pairwise(periods))


@pytest.mark.parametrize("name", CALENDARS)
@given(instant=INSTANTS)
@settings(max_examples=40, deadline=None)  # the first instant of a calendar loads its sessions
def test_an_instant_is_in_at_most_one_session_and_in_the_one_that_holds_it(name: str, instant: int) -> None:
    calendar = Calendar(name)
    holding = [
        session
        for session in calendar.sessions(instant - 3 * DAY_NS, instant + 3 * DAY_NS)
        if session.start <= instant < session.end
    ]
    assert len(holding) <= 1
    assert calendar.at(instant).session == (holding[0] if holding else None)
    assert calendar.sessions(instant, instant + 1) == holding


@pytest.mark.parametrize("name", CALENDARS)
@given(instant=INSTANTS)
@settings(max_examples=40, deadline=None)  # the first instant of a calendar loads its sessions
def test_between_now_and_the_next_change_the_phase_stays(name: str, instant: int) -> None:
    calendar = Calendar(name)
    now, change = calendar.at(instant).phase, calendar.next_change(instant)
    if change is None:
        assert name == "24/7"
        return
    assert calendar.at(change).phase is not now
    assert {calendar.at(each).phase for each in (instant, (instant + change) // 2, change - 1)} == {now}
    assert calendar.at(calendar.next_open(instant)).phase is Phase.REGULAR
