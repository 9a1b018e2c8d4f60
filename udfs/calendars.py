"""Trading calendars: what an instant is to a market, and which calendar a symbol follows.

All times are nanoseconds since the Unix epoch, UTC.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from itertools import chain, takewhile
from typing import NamedTuple

from schemas.exact import floor_instant
from udfs.exchange_sessions import Phase, Session, bounds, sessions_of

ALWAYS_OPEN = "24/7"
"""The calendar whose sessions are the UTC days."""
MONTH_NS = 31 * 86_400 * 10**9


class CalendarError(ValueError):
    """There is no such calendar, or it does not reach that far."""


class Moment(NamedTuple):
    """What an instant is: its phase, and the session it lies in (None between sessions)."""

    phase: Phase
    session: Session | None


class Edge(NamedTuple):
    """Where a period begins or ends, and the phase from there on."""

    start: int
    phase: Phase


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
            edges = {bound for period in session.regular + session.extended for bound in period}
            yield from (Edge(bound, self.at(bound).phase) for bound in sorted(edges) if bound > instant)

    def _last_begun(self, instant: int) -> Session | None:
        if floor_instant(instant).date() > bounds(self.name)[1]:
            raise self._unknown()
        decade = floor_instant(instant).year // 10
        for table in (sessions_of(self.name, decade), sessions_of(self.name, decade - 1)):
            begun = bisect_right(table.starts, instant)
            if begun:
                return table.sessions[begun - 1]
        return None

    def _after(self, instant: int) -> Iterator[Session]:
        for decade in range(floor_instant(instant).year // 10, bounds(self.name)[1].year // 10 + 1):
            table = sessions_of(self.name, decade)
            yield from table.sessions[bisect_right(table.starts, instant) :]
        raise self._unknown()

    def _unknown(self) -> CalendarError:
        end = bounds(self.name)[1]
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
