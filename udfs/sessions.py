"""Candles of trading sessions, from one-minute candles and the calendar of their market.

A session leads to up to three kinds of candle: `session`, its regular hours, the daily candle of the market;
`extended`, one for the hours before them and one for those after; and `day`, all of it together, where there are
extended hours. Times are nanoseconds since the Unix epoch, UTC. Nothing here knows of Flink.
"""

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import NamedTuple

from udfs.accumulator import Accumulator
from udfs.calendars import Calendar
from udfs.exchange_sessions import Session

OPEN = -1
"""In place of the last published revision of a candle that is still to be published."""
LATE = "late"


class Minute(NamedTuple):
    """A one-minute candle: the accumulator of its highest revision so far, and why there was one."""

    start: int
    revision: int
    reason: str | None
    accumulator: Accumulator


class Window(NamedTuple):
    """The window [start, end) of a candle."""

    resolution: str
    start: int
    end: int


class SessionCandle(NamedTuple):
    """A candle to be published."""

    window: Window
    revision: int
    reason: str | None
    accumulator: Accumulator


@dataclass
class Ledger:
    """What has become of a symbol's candles: the last revision of each, OPEN until its first.

    Windows that end at or before `forgotten` are no longer known.
    """

    published: dict[Window, int] = field(default_factory=dict)
    forgotten: int = -(2**63)


def windows(session: Session) -> list[Window]:
    """The candles a session leads to; its lunch break is part of them."""
    regular = Window("session", session.regular[0].start, session.regular[-1].end)
    extended = [Window("extended", *period) for period in session.extended]
    return [regular, *extended, *([Window("day", session.start, session.end)] if extended else [])]


class SessionBook:
    """The minutes of one symbol, kept by their start, and what became of them.

    Within `horizon` nanoseconds after a session's end a revised or late minute revises its candles.
    """

    def __init__(
        self, calendar: Calendar, horizon: int, minutes: MutableMapping[int, Minute], ledger: Ledger | None = None
    ) -> None:
        self._calendar = calendar
        self._horizon = horizon
        self._minutes = minutes
        self.ledger = ledger or Ledger()

    def windows(self, instant: int) -> list[Window]:
        """The windows that hold an instant; none between sessions."""
        session = self._calendar.at(instant).session
        found = windows(session) if session else []
        return [window for window in found if window.start <= instant < window.end]

    def expiry(self, window: Window) -> int:
        """When a window is forgotten, with all of its session."""
        session = self._calendar.at(window.start).session
        return (session.end if session else window.end) + self._horizon

    def refuses(self, minute: Minute) -> bool:
        """Whether a minute comes so late that its session is forgotten."""
        return any(window.end <= self.ledger.forgotten for window in self.windows(minute.start))

    def take(self, minute: Minute) -> list[SessionCandle]:
        """Take in a minute, in place of its earlier revision; returns the next revisions of what is published.

        A minute outside all sessions, one that is refused, and a revision that is not newer change nothing.
        """
        known = self._minutes.get(minute.start)
        held_by = self.windows(minute.start)
        if not held_by or self.refuses(minute) or (known and known.revision >= minute.revision):
            return []
        self._minutes[minute.start] = minute
        last = {window: self.ledger.published.setdefault(window, OPEN) for window in held_by}
        reason = minute.reason or LATE
        return [self._publish(window, last[window] + 1, reason) for window in last if last[window] != OPEN]

    def close(self, now: int) -> list[SessionCandle]:
        """The candles that are final at an instant and have not been published, parts before what holds them."""
        ended = [window for window, last in self.ledger.published.items() if last == OPEN and window.end <= now]
        ended.sort(key=lambda window: (window.end, -window.start))
        return [self._publish(window, 0, None) for window in ended]

    def forget(self, now: int) -> None:
        """Drop the sessions whose horizon has passed."""
        published = self.ledger.published
        for window in [each for each in published if self.expiry(each) <= now]:
            self.ledger.forgotten = max(self.ledger.forgotten, window.end)
            del published[window]
        for start in [each for each in self._minutes if each < self.ledger.forgotten]:
            del self._minutes[start]

    def _publish(self, window: Window, revision: int, reason: str | None) -> SessionCandle:
        self.ledger.published[window] = revision
        return SessionCandle(window, revision, reason, Accumulator.merged(self._parts(window)))

    def _parts(self, window: Window) -> Iterator[Accumulator]:
        return (minute.accumulator for start, minute in self._minutes.items() if window.start <= start < window.end)
