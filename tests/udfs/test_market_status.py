"""A closed market is told from a silent feed."""

from datetime import datetime
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.exact import nanoseconds
from udfs.calendars import Calendar
from udfs.exchange_sessions import Phase
from udfs.market_status import Market, MarketState, StatusChange

NEW_YORK, CHICAGO = ZoneInfo("America/New_York"), ZoneInfo("America/Chicago")
MINUTE_NS = 60 * 10**9


def at(text: str, zone: ZoneInfo = NEW_YORK) -> int:
    """Nanoseconds of a local time."""
    return nanoseconds(datetime.fromisoformat(text).replace(tzinfo=zone))


class Watched:
    """A symbol of a market, silent after five minutes; `told` is what was said of it, in local time."""

    def __init__(self, calendar: str = "XNYS", zone: ZoneInfo = NEW_YORK) -> None:
        self.market = Market(Calendar(calendar), 5 * MINUTE_NS)
        self.zone = zone
        self.state: MarketState | None = None
        self.told: list[str] = []

    def candle(self, start: str) -> None:
        """A candle of one minute."""
        begin = at(start, self.zone)
        self.state, changes = self.market.candle(self.state, begin, begin + MINUTE_NS)
        self._tell(changes)

    def candles(self, start: str, count: int) -> None:
        """A candle in each of so many minutes."""
        for minute in range(count):
            begin = at(start, self.zone) + minute * MINUTE_NS
            self.state, changes = self.market.candle(self.state, begin, begin + MINUTE_NS)
            self._tell(changes)

    def until(self, now: str) -> None:
        """Time passes."""
        assert self.state
        self._tell(list(self.market.advance(self.state, at(now, self.zone))))

    def _tell(self, changes: list[StatusChange]) -> None:
        for change in changes:
            local = datetime.fromtimestamp(change.since // 10**9, self.zone)
            self.told.append(f"{local:%d %H:%M} {change.status} {change.session or '-'}")


def test_a_symbol_that_trades_until_the_close_is_never_silent() -> None:
    watched = Watched()
    watched.candles("2024-07-02T15:50", 10)
    watched.until("2024-07-03T09:30")
    assert watched.told == [
        "02 15:50 open 2024-07-02",
        "02 16:00 extended 2024-07-02",
        "02 20:00 closed -",
        "03 04:00 extended 2024-07-03",
        "03 09:30 open 2024-07-03",
    ]


def test_five_minutes_without_a_candle_are_silence_until_the_next_one() -> None:
    watched = Watched()
    watched.candle("2024-07-02T10:00")
    watched.until("2024-07-02T10:06")
    watched.candle("2024-07-02T10:30")
    assert watched.told == [
        "02 10:00 open 2024-07-02",
        "02 10:06 silent 2024-07-02",
        "02 10:30 open 2024-07-02",
    ]


def test_silence_is_counted_from_the_open_and_not_from_the_last_candle_of_the_day_before() -> None:
    watched = Watched()
    watched.candle("2024-07-02T15:59")
    watched.until("2024-07-03T09:34")
    assert watched.told[-1] == "03 09:30 open 2024-07-03"
    watched.until("2024-07-03T09:35")
    assert watched.told[-1] == "03 09:35 silent 2024-07-03"


def test_on_a_holiday_and_a_weekend_the_market_is_closed_and_the_feed_not_silent() -> None:
    watched = Watched()
    watched.candles("2013-11-27T15:58", 2)
    watched.until("2013-12-02T04:00")
    assert watched.told[1:] == [
        "27 16:00 extended 2013-11-27",
        "27 20:00 closed -",
        "29 04:00 extended 2013-11-29",
        "29 09:30 open 2013-11-29",
        "29 09:35 silent 2013-11-29",
        "29 13:00 extended 2013-11-29",
        "29 17:00 closed -",
        "02 04:00 extended 2013-12-02",
    ]


def test_futures_are_closed_in_their_daily_halt_and_the_evening_belongs_to_the_next_session() -> None:
    watched = Watched("CMES", CHICAGO)
    watched.candles("2024-07-01T15:58", 2)
    watched.until("2024-07-01T17:06")
    assert watched.told == [
        "01 15:58 open 2024-07-01",
        "01 16:00 closed -",
        "01 17:00 open 2024-07-02",
        "01 17:05 silent 2024-07-02",
    ]


def test_a_market_that_never_closes_is_open_or_silent() -> None:
    watched = Watched("24/7", ZoneInfo("UTC"))
    watched.candle("2024-07-02T23:59")
    watched.candle("2024-07-03T00:00")
    watched.until("2024-07-06T00:00")
    assert watched.told == ["02 23:59 open 2024-07-02", "03 00:00 open 2024-07-03", "03 00:06 silent 2024-07-03"]


def test_silence_goes_on_over_midnight_where_one_session_touches_the_next() -> None:
    watched = Watched("24/7", ZoneInfo("UTC"))
    watched.candle("2024-07-02T23:57")
    watched.until("2024-07-04T12:00")
    assert watched.told == ["02 23:57 open 2024-07-02", "03 00:03 silent 2024-07-03"]


def test_a_candle_that_comes_late_ends_the_silence_it_disproves() -> None:
    watched = Watched()
    watched.candle("2024-07-02T10:00")
    watched.until("2024-07-02T10:07")
    watched.candle("2024-07-02T10:04")
    watched.candle("2024-07-02T10:01")
    assert watched.told == ["02 10:00 open 2024-07-02", "02 10:06 silent 2024-07-02", "02 10:07 open 2024-07-02"]


@given(gaps=st.lists(st.integers(1, 600), min_size=1, max_size=30), calendar=st.sampled_from(["XNYS", "CMES", "XTKS"]))
@settings(deadline=None)
def test_changes_follow_each_other_and_agree_with_the_calendar(gaps: list[int], calendar: str) -> None:
    market, known = Market(Calendar(calendar), 5 * MINUTE_NS), Calendar(calendar)
    state, changes = market.candle(None, at("2024-07-02T00:00"), at("2024-07-02T00:01"))
    for gap in gaps:
        start = state.last_candle_end + (gap - 1) * MINUTE_NS
        state, found = market.candle(state, start, start + MINUTE_NS)
        changes += found
    assert [change.since for change in changes] == sorted(change.since for change in changes)
    phases = {"open": Phase.REGULAR, "silent": Phase.REGULAR, "extended": Phase.EXTENDED, "closed": Phase.CLOSED}
    for change in changes:
        assert known.at(change.since).phase is phases[change.status]
        if change.status == "silent":
            assert change.since - change.last_candle_end >= 5 * MINUTE_NS
