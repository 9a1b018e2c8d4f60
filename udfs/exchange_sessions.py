"""The sessions of exchanges: those of exchange-calendars, with what calendars.toml beside this file adds.

It adds extended hours and daily halts. All times are nanoseconds since the Unix epoch, UTC; nothing of pandas, in which
exchange-calendars speaks, leaves this module.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from schemas.exact import floor_instant, nanoseconds

FILE = Path(__file__).with_name("calendars.toml")
NOT_A_TIME = -(2**63)
"""How numpy writes that there is none."""


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
        """First instant, extended hours included."""
        return min(self.regular + self.extended).start

    @property
    def end(self) -> int:
        """First instant after it, extended hours included."""
        return max(self.regular + self.extended).end

    def phase(self, instant: int) -> Phase:
        """Regular, extended, or closed (outside, and in the lunch break)."""
        for phase, periods in ((Phase.REGULAR, self.regular), (Phase.EXTENDED, self.extended)):
            if any(period.start <= instant < period.end for period in periods):
                return phase
        return Phase.CLOSED


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


class Decade:
    """The sessions that start in ten years, such as 2010 to 2019 (UTC)."""

    def __init__(self, sessions: tuple[Session, ...]) -> None:
        self.sessions = sessions

    @cached_property
    def starts(self) -> list[int]:
        """Where they start, in order."""
        return [session.start for session in self.sessions]


@lru_cache(maxsize=256)
def sessions_of(name: str, decade: int) -> Decade:
    """The sessions of a calendar in the decade that begins in ten times this year; none outside its bounds."""
    from exchange_calendars import get_calendar

    begin, end = bounds(name)
    # A session starts at most a day from its date.
    first, last = max(date(10 * decade - 1, 12, 25), begin), min(date(10 * decade + 10, 1, 7), end)
    if first >= last:
        return Decade(())
    found = _sessions(get_calendar(name, start=first.isoformat(), end=last.isoformat()), _hours().get(name, Hours()))
    return Decade(tuple(each for each in found if floor_instant(each.start).year // 10 == decade))


@lru_cache(maxsize=256)
def bounds(name: str) -> tuple[date, date]:
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
