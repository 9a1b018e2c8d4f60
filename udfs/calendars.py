"""Trading calendars: the sessions of an exchange, and what an instant is to it.

Sessions, half days, holidays and daylight saving come from exchange-calendars; calendars.toml beside this file adds
extended hours and daily halts. All times are nanoseconds since the Unix epoch, UTC.
"""

import tomllib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from itertools import chain, takewhile
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from schemas.exact import floor_instant, nanoseconds

FILE = Path(__file__).with_name("calendars.toml")
ALWAYS_OPEN = "24/7"
"""The calendar whose sessions are the UTC days."""
MONTH_NS = 31 * 86_400 * 10**9
NOT_A_TIME = -(2**63)
"""How numpy writes that there is none."""


class CalendarError(ValueError):
    """There is no such calendar, or it does not reach that far."""


class Phase(StrEnum):
    """What an instant is to a market."""

    REGULAR = "regular"
    EXTENDED = "extended"
    CLOSED = "closed"


class Period(NamedTuple):
    """[start, end) in nanoseconds."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Session:
    """A trading day as the exchange dates it; overnight sessions start on the calendar day before.

    `regular` are one period, or two around a lunch break; `extended` those before and after, where there are any.
    """

    date: date
    regular: tuple[Period, ...]
    extended: tuple[Period, ...] = ()

    @property
    def start(self) -> int:
        return min(self.regular + self.extended).start

    @property
    def end(self) -> int:
        return max(self.regular + self.extended).end

    def phase(self, instant: int) -> Phase:
        """Regular, extended, or closed (outside, and in the lunch break)."""
        for phase, periods in ((Phase.REGULAR, self.regular), (Phase.EXTENDED, self.extended)):
            if any(period.start <= instant < period.end for period in periods):
                return phase
        return Phase.CLOSED


class Moment(NamedTuple):
    """What an instant is: its phase, and the session it lies in (None between sessions)."""

    phase: Phase
    session: Session | None


class Edge(NamedTuple):
    """Where a period begins or ends, and the phase from there on."""

    start: int
    phase: Phase


class Hours(BaseModel):
    """What calendars.toml says of a calendar."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    extended_open: time | None = None
    extended_close: time | None = None
    extended_close_half_day: time | None = None
    regular_close: time | None = None


class HoursFile(BaseModel):
    """calendars.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = Field(ge=1, le=1)
    calendars: dict[str, Hours]


class Calendar:
    """The calendar of a market, by the name exchange-calendars gives it (a MIC such as XNYS, or 24/7) or an alias.

    Raises CalendarError when there is none.
    """

    def __init__(self, name: str) -> None:
        import exchange_calendars

        try:
            self.name = str(exchange_calendars.resolve_alias(name))
        except exchange_calendars.errors.InvalidCalendarName as error:
            raise CalendarError(f"there is no calendar '{name}': use a MIC such as XNYS or CMES, or 24/7") from error

    def at(self, instant: int) -> Moment:
        """What an instant is, and in which session."""
        begun = self._last_begun(instant)
        if begun is None or instant >= begun.end:
            return Moment(Phase.CLOSED, None)
        return Moment(begun.phase(instant), begun)

    def sessions(self, start: int, end: int) -> list[Session]:
        """The sessions that have an instant in [start, end), in order."""
        first = self._last_begun(start)
        running = [first] if first and start < first.end and start < end else []
        for session in self._after(start):
            if session.start >= end:
                break
            running.append(session)
        return running

    def next_session(self, instant: int) -> Session:
        """The first session that starts after an instant. Raises CalendarError beyond the calendar's end."""
        return next(self._after(instant))

    def next_open(self, instant: int) -> int:
        """When regular trading starts next, after an instant. Raises CalendarError beyond the calendar's end."""
        return next(edge.start for edge in self._edges(instant) if edge.phase is Phase.REGULAR)

    def next_change(self, instant: int) -> int | None:
        """When the phase changes next; None when it stays for a month, as that of 24/7 does.

        Raises CalendarError beyond the calendar's end.
        """
        now = self.at(instant).phase
        ahead = takewhile(lambda edge: edge.start <= instant + MONTH_NS, self._edges(instant))
        return next((edge.start for edge in ahead if edge.phase is not now), None)

    def _edges(self, instant: int) -> Iterator["Edge"]:
        """Where periods begin or end after an instant, in order."""
        running = self.at(instant).session
        for session in chain([running] if running else [], self._after(instant)):
            bounds = {bound for period in session.regular + session.extended for bound in period}
            yield from (Edge(bound, self.at(bound).phase) for bound in sorted(bounds) if bound > instant)

    def _last_begun(self, instant: int) -> Session | None:
        if floor_instant(instant).date() > _bounds(self.name)[1]:
            raise self._unknown()
        decade = floor_instant(instant).year // 10
        for table in (_decade(self.name, decade), _decade(self.name, decade - 1)):
            begun = bisect_right(table.starts, instant)
            if begun:
                return table.sessions[begun - 1]
        return None

    def _after(self, instant: int) -> Iterator[Session]:
        for decade in range(floor_instant(instant).year // 10, _bounds(self.name)[1].year // 10 + 1):
            table = _decade(self.name, decade)
            yield from table.sessions[bisect_right(table.starts, instant) :]
        raise self._unknown()

    def _unknown(self) -> CalendarError:
        end = _bounds(self.name)[1]
        return CalendarError(f"calendar {self.name} is known until {end}: a newer exchange-calendars may know more")


class Calendars:
    """The calendar of each symbol, by rules such as `ES*=CMES`: the first whose pattern fits decides, else 24/7.

    Raises CalendarError for a rule that is none or names no calendar.
    """

    def __init__(self, rules: Iterable[str]) -> None:
        self._rules = [self._rule(rule) for rule in rules]
        self._known: dict[str, Calendar] = {}

    def of(self, symbol: str) -> Calendar:
        """The calendar of a symbol."""
        name = next((calendar for pattern, calendar in self._rules if fnmatchcase(symbol, pattern)), ALWAYS_OPEN)
        if name not in self._known:
            self._known[name] = Calendar(name)
        return self._known[name]

    @staticmethod
    def _rule(rule: str) -> tuple[str, str]:
        pattern, equals, name = rule.partition("=")
        if not pattern or not equals:
            raise CalendarError(f"'{rule}' is no rule: pattern=calendar, such as ES*=CMES")
        return pattern, Calendar(name).name


class _Decade:
    """The sessions that start in ten years, such as 2010 to 2019 (UTC)."""

    def __init__(self, sessions: tuple[Session, ...]) -> None:
        self.sessions = sessions

    @cached_property
    def starts(self) -> list[int]:
        return [session.start for session in self.sessions]


@lru_cache(maxsize=256)
def _decade(name: str, decade: int) -> _Decade:
    """Empty before the calendar begins and after its end."""
    from exchange_calendars import get_calendar

    begin, end = _bounds(name)
    # A session starts at most a day from its date.
    first, last = max(date(10 * decade - 1, 12, 25), begin), min(date(10 * decade + 10, 1, 7), end)
    if first >= last:
        return _Decade(())
    found = _sessions(get_calendar(name, start=first.isoformat(), end=last.isoformat()), _hours().get(name, Hours()))
    return _Decade(tuple(each for each in found if floor_instant(each.start).year // 10 == decade))


@lru_cache(maxsize=256)
def _bounds(name: str) -> tuple[date, date]:
    """First and last date the library knows of a calendar; without a bound, those a datetime of pandas can hold."""
    from exchange_calendars import get_calendar

    known = type(get_calendar(name, start="2023-01-01", end="2023-02-01"))
    begin, end = known.bound_min(), known.bound_max()
    return begin.date() if begin is not None else date(1700, 1, 1), end.date() if end is not None else date(2250, 1, 1)


def _sessions(calendar: Any, hours: Hours) -> Iterator[Session]:
    dates = [label.date() for label in calendar.sessions]
    half_days = {label.date() for label in calendar.early_closes}
    opens, closes = calendar.opens_nanos.tolist(), calendar.closes_nanos.tolist()
    breaks = zip(calendar.break_starts_nanos.tolist(), calendar.break_ends_nanos.tolist(), strict=True)
    for day, start, end, pause in zip(dates, opens, closes, breaks, strict=True):
        close = min(end, _local(day, hours.regular_close, calendar.tz)) if hours.regular_close else end
        regular = _regular(start, close, Period(*pause))
        yield Session(day, regular, _extended(day, regular, hours, calendar.tz, day in half_days))


def _regular(start: int, end: int, pause: Period) -> tuple[Period, ...]:
    if pause.start == NOT_A_TIME:
        return (Period(start, end),)
    return Period(start, pause.start), Period(pause.end, end)


def _extended(
    day: date, regular: tuple[Period, ...], hours: Hours, zone: ZoneInfo, half_day: bool
) -> tuple[Period, ...]:
    closing = hours.extended_close_half_day if half_day else hours.extended_close
    before = Period(_local(day, hours.extended_open, zone), regular[0].start) if hours.extended_open else None
    after = Period(regular[-1].end, _local(day, closing, zone)) if closing else None
    return tuple(period for period in (before, after) if period and period.start < period.end)


def _local(day: date, clock: time, zone: ZoneInfo) -> int:
    return nanoseconds(datetime.combine(day, clock, tzinfo=zone))


@lru_cache(maxsize=1)
def _hours() -> dict[str, Hours]:
    return HoursFile.model_validate(tomllib.loads(FILE.read_text(encoding="utf-8"))).calendars
