"""Minutes of candles and the candles of the sessions they lie in."""

import random
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.exact import nanoseconds
from udfs.accumulator import Accumulator, of_trade
from udfs.calendars import Calendar
from udfs.market_status import MarketState
from udfs.session_state import (
    StateVersionError,
    Watch,
    ledger_bytes,
    minute_bytes,
    read_ledger,
    read_minute,
    read_watch,
    watch_bytes,
)
from udfs.sessions import Minute, SessionBook, SessionCandle, Window

NEW_YORK, CHICAGO = ZoneInfo("America/New_York"), ZoneInfo("America/Chicago")
MINUTE_NS = 60 * 10**9
HOUR_NS = 60 * MINUTE_NS
UNIT = 10**12


def at(text: str, zone: ZoneInfo = NEW_YORK) -> int:
    """Nanoseconds of a local time."""
    return nanoseconds(datetime.fromisoformat(text).replace(tzinfo=zone))


def minute(start: int, *prices: int, revision: int = 0, reason: str | None = None) -> Minute:
    """A minute with a trade of size 1 at each price, a second apart."""
    trades = [of_trade(start + i * 10**9, price * UNIT, UNIT, (i, 0)) for i, price in enumerate(prices)]
    return Minute(start, revision, reason, Accumulator.merged(trades).rolled_up())


def book(calendar: str = "XNYS", horizon: int = 24 * HOUR_NS) -> SessionBook:
    return SessionBook(Calendar(calendar), horizon, {})


def told(candles: list[SessionCandle]) -> list[tuple[str, int, str | None, int, int, int]]:
    """(resolution, revision, reason, open, close, trades) of candles."""
    shown = [(each, each.accumulator.candle("A", each.window.resolution, (0, 1), 0, None)) for each in candles]
    return [
        (
            each.window.resolution,
            each.revision,
            each.reason,
            int(candle["open"] or 0),
            int(candle["close"] or 0),
            each.accumulator.trade_count,
        )
        for each, candle in shown
    ]


def test_a_day_in_new_york_leads_to_a_session_candle_two_extended_ones_and_one_of_all() -> None:
    day = book()
    for start, price in [("04:00", 1), ("09:29", 2), ("09:30", 3), ("15:59", 4), ("16:00", 5), ("19:59", 6)]:
        assert day.take(minute(at(f"2024-07-02T{start}"), price)) == []
    assert told(day.close(at("2024-07-02T20:00"))) == [
        ("extended", 0, None, 1, 2, 2),
        ("session", 0, None, 3, 4, 2),
        ("extended", 0, None, 5, 6, 2),
        ("day", 0, None, 1, 6, 6),
    ]


def test_a_candle_is_published_once_its_end_has_passed_and_not_before() -> None:
    day = book()
    day.take(minute(at("2024-07-02T09:30"), 3))
    assert day.close(at("2024-07-02T16:00") - 1) == []
    (session,) = day.close(at("2024-07-02T16:00"))
    assert session.window == ("session", at("2024-07-02T09:30"), at("2024-07-02T16:00"))
    assert day.close(at("2024-07-02T16:00")) == []


def test_on_a_half_day_the_session_ends_at_one_and_the_rest_is_extended() -> None:
    day = book()
    day.take(minute(at("2024-07-03T12:59"), 1))
    day.take(minute(at("2024-07-03T13:00"), 2))
    assert told(day.close(at("2024-07-03T17:00"))) == [
        ("session", 0, None, 1, 1, 1),
        ("extended", 0, None, 2, 2, 1),
        ("day", 0, None, 1, 2, 2),
    ]


def test_a_session_of_futures_holds_the_evening_of_the_day_before() -> None:
    day = book("CMES")
    day.take(minute(at("2024-07-01T17:00", CHICAGO), 1))
    day.take(minute(at("2024-07-02T15:59", CHICAGO), 2))
    (session,) = day.close(at("2024-07-02T16:00", CHICAGO))
    assert told([session]) == [("session", 0, None, 1, 2, 2)]
    assert session.window.start == at("2024-07-01T17:00", CHICAGO)


def test_a_market_that_never_closes_has_one_candle_a_utc_day() -> None:
    day = book("24/7")
    day.take(minute(nanoseconds("2024-07-02T00:00:00Z"), 1))
    day.take(minute(nanoseconds("2024-07-02T23:59:00Z"), 2))
    day.take(minute(nanoseconds("2024-07-03T00:00:00Z"), 3))
    assert told(day.close(nanoseconds("2024-07-03T00:00:00Z"))) == [("session", 0, None, 1, 2, 2)]


def test_a_minute_outside_all_sessions_is_in_no_candle() -> None:
    day = book()
    for start in ("2024-07-02T20:00", "2024-07-04T12:00", "2024-07-06T12:00"):
        assert day.take(minute(at(start), 1)) == []
    assert day.close(at("2024-07-31T00:00")) == []


def test_a_revised_minute_replaces_itself_before_the_candle_is_published() -> None:
    day = book()
    day.take(minute(at("2024-07-02T10:00"), 1, 9))
    assert day.take(minute(at("2024-07-02T10:00"), 1, 2, 3, revision=1, reason="cancel")) == []
    assert told(day.close(at("2024-07-02T16:00"))) == [("session", 0, None, 1, 3, 3)]


def test_a_minute_revised_after_the_candle_is_published_revises_it_with_its_reason() -> None:
    day = book()
    day.take(minute(at("2024-07-02T10:00"), 1, 9))
    day.take(minute(at("2024-07-02T11:00"), 5))
    day.close(at("2024-07-02T16:00"))
    revised = day.take(minute(at("2024-07-02T10:00"), 2, revision=1, reason="cancel"))
    assert told(revised) == [("session", 1, "cancel", 2, 5, 2)]
    revised = day.take(minute(at("2024-07-02T11:00"), 6, revision=1, reason="correct"))
    assert told(revised) == [("session", 2, "correct", 2, 6, 2)]
    assert told(day.close(at("2024-07-02T20:00"))) == [("day", 0, None, 2, 6, 2)]


def test_a_revision_that_takes_the_last_trade_out_leaves_a_candle_of_nothing() -> None:
    day = book()
    day.take(minute(at("2024-07-02T10:00"), 1))
    day.close(at("2024-07-02T16:00"))
    assert told(day.take(minute(at("2024-07-02T10:00"), revision=1, reason="cancel"))) == [
        ("session", 1, "cancel", 0, 0, 0)
    ]


def test_an_older_revision_and_a_repeated_one_change_nothing() -> None:
    day = book()
    day.take(minute(at("2024-07-02T10:00"), 3, revision=2, reason="late"))
    day.close(at("2024-07-02T16:00"))
    assert day.take(minute(at("2024-07-02T10:00"), 1, revision=1, reason="late")) == []
    assert day.take(minute(at("2024-07-02T10:00"), 1, revision=2, reason="late")) == []


def test_a_minute_that_comes_after_its_session_was_published_revises_it() -> None:
    day = book()
    day.take(minute(at("2024-07-02T10:00"), 1))
    day.close(at("2024-07-02T16:00"))
    assert told(day.take(minute(at("2024-07-02T15:59"), 7))) == [("session", 1, "late", 1, 7, 2)]


def test_what_comes_after_the_horizon_is_refused_and_nothing_is_kept_of_the_session() -> None:
    minutes: dict[int, Minute] = {}
    day = SessionBook(Calendar("XNYS"), HOUR_NS, minutes)
    day.take(minute(at("2024-07-02T10:00"), 1))
    day.take(minute(at("2024-07-03T10:00"), 1))
    day.close(at("2024-07-02T20:00"))
    day.forget(at("2024-07-02T21:00") - 1)
    late = minute(at("2024-07-02T10:00"), 2, revision=1, reason="late")
    assert not day.refuses(late)
    day.forget(at("2024-07-02T21:00"))
    assert day.refuses(late)
    assert day.take(late) == []
    assert list(minutes) == [at("2024-07-03T10:00")]
    assert {window.start for window in day.ledger.published} == {at("2024-07-03T09:30"), at("2024-07-03T04:00")}


def test_a_horizon_that_was_changed_publishes_nothing_again() -> None:
    minutes: dict[int, Minute] = {}
    before = SessionBook(Calendar("XNYS"), HOUR_NS, minutes)
    before.take(minute(at("2024-07-02T10:00"), 1))
    before.close(at("2024-07-02T16:00"))
    after = SessionBook(Calendar("XNYS"), 2 * HOUR_NS, minutes, read_ledger(ledger_bytes(before.ledger)))
    assert told(after.close(at("2024-07-02T16:30"))) == []
    assert told(after.take(minute(at("2024-07-02T11:00"), 2))) == [("session", 1, "late", 1, 2, 2)]


@given(
    starts=st.lists(st.integers(0, 3 * 24 * 60 - 1), min_size=1, max_size=30, unique=True),
    shuffle=st.randoms(use_true_random=False),
)
@settings(deadline=None)
def test_minutes_in_any_order_lead_to_the_same_candles(starts: list[int], shuffle: random.Random) -> None:
    first = nanoseconds("2024-07-01T00:00:00Z")
    made = [minute(first + start * MINUTE_NS, *range(1, start % 5 + 2)) for start in starts]
    shuffled = made.copy()
    shuffle.shuffle(shuffled)
    one, other = book(), book()
    for each, another in zip(made, shuffled, strict=True):
        one.take(each)
        other.take(another)
    end = first + 4 * 24 * HOUR_NS
    assert sorted(one.close(end)) == sorted(other.close(end))


@given(
    starts=st.lists(st.integers(0, 24 * 60 - 1), min_size=1, max_size=20),
    split=st.integers(0, 20),
    calendar=st.sampled_from(["XNYS", "24/7", "CMES"]),
)
@settings(deadline=None)
def test_the_highest_revisions_equal_the_candles_of_the_final_minutes(
    starts: list[int], split: int, calendar: str
) -> None:
    first = nanoseconds("2024-07-02T00:00:00Z")
    made = [
        minute(first + start * MINUTE_NS, *range(1, place + 2), revision=place, reason="late")
        for place, start in enumerate(starts)
    ]
    published: dict[Window, tuple[int, Accumulator]] = {}
    revised, at_once = book(calendar), book(calendar)
    end = first + 2 * 24 * HOUR_NS
    for each in made[:split]:
        revised.take(each)
    found = revised.close(end)
    for each in made[split:]:
        found += revised.take(each)
    found += revised.close(end)
    for candle in found:
        assert candle.revision == published.get(candle.window, (-1, None))[0] + 1
        published[candle.window] = (candle.revision, candle.accumulator)
    for each in {each.start: each for each in made}.values():
        at_once.take(each)
    expected = {candle.window: candle.accumulator for candle in at_once.close(end)}
    assert {window: accumulator for window, (_, accumulator) in published.items()} == expected


def test_state_is_read_as_it_was_written() -> None:
    for each in (minute(at("2024-07-02T10:00"), 1, 2), minute(0, revision=3, reason="cancel+späte")):
        assert read_minute(each.start, minute_bytes(each)) == each
    day = book()
    day.take(minute(at("2024-07-02T10:00"), 1))
    day.close(at("2024-07-02T16:00"))
    day.forget(at("2024-07-01T00:00"))
    assert read_ledger(ledger_bytes(day.ledger)) == day.ledger


def test_a_watch_is_read_as_it_was_written() -> None:
    for said in (None, ("open", "2024-07-02"), ("closed", None)):
        watch = Watch(MarketState(2, 1, "regular", 0, said), seen_ms=7, wake_ms=9)
        assert read_watch(watch_bytes(watch)) == watch
    assert read_watch(None) == Watch()


def test_state_of_another_version_is_refused() -> None:
    with pytest.raises(StateVersionError, match="written in format 2, this version reads 1"):
        read_minute(0, b"\x02" + minute_bytes(minute(0, 1))[1:])
    with pytest.raises(StateVersionError, match="written in format 9, this version reads 1"):
        read_ledger(b'{"version": 9}')
