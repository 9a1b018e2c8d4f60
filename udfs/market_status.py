"""Whether a market is open, and whether a symbol that should trade is silent.

A symbol is `silent` when regular trading is on and no candle of it has ended for a while; in extended hours nobody
expects one. Times are nanoseconds since the Unix epoch, UTC.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from udfs.calendars import Calendar
from udfs.exchange_sessions import Phase


class Status(StrEnum):
    """What a reader who sees no new candle wants to know."""

    OPEN = "open"
    EXTENDED = "extended"
    CLOSED = "closed"
    SILENT = "silent"


class StatusChange(NamedTuple):
    """From `since` on a symbol has this status; `session` is the ISO date of the session, None between sessions."""

    status: Status
    since: int
    session: str | None
    last_candle_end: int


@dataclass
class MarketState:
    """What is known of a symbol: how far its clock has come, its last candle, since when its market's phase lasts, and
    what was last said of it."""

    clock: int
    last_candle_end: int
    phase: str
    phase_since: int
    said: tuple[str, str | None] | None = None


class Market:
    """The status of one symbol as candles come and time passes. `silent_after` is in nanoseconds."""

    def __init__(self, calendar: Calendar, silent_after: int) -> None:
        self._calendar = calendar
        self._silent_after = silent_after

    def candle(self, state: MarketState | None, start: int, end: int) -> tuple[MarketState, list[StatusChange]]:
        """Take in the candle [start, end), None being the state before the first; returns what has changed until it.

        Candles may come in any order: one that ends a silence ends it at the clock.
        """
        if state is None:
            state = MarketState(start, start, self._calendar.at(start).phase, start)
        changes = list(self.advance(state, start))
        state.last_candle_end = max(state.last_candle_end, end)
        return state, [*changes, *self._changed(state), *self.advance(state, end)]

    def advance(self, state: MarketState, now: int) -> Iterator[StatusChange]:
        """Let time pass until an instant; yields what changes on the way."""
        while (check := self.next_check(state)) is not None and check <= now:
            state.clock = check
            yield from self._changed(state)
        state.clock = max(state.clock, now)

    def next_check(self, state: MarketState) -> int | None:
        """When the status may change next without a candle; None when it stays for a month."""
        checks = [self._calendar.next_change(state.clock)]
        if state.phase == Phase.REGULAR:
            checks.append(self._deadline(state))
        return min((each for each in checks if each is not None and each > state.clock), default=None)

    def _status(self, state: MarketState) -> Status:
        if state.phase == Phase.CLOSED:
            return Status.CLOSED
        if state.phase == Phase.EXTENDED:
            return Status.EXTENDED
        return Status.SILENT if state.clock >= self._deadline(state) else Status.OPEN

    def _deadline(self, state: MarketState) -> int:
        """When the silence begins; nobody counts the time the market was closed."""
        return max(state.phase_since, state.last_candle_end) + self._silent_after

    def _changed(self, state: MarketState) -> Iterator[StatusChange]:
        phase, session = self._calendar.at(state.clock)
        if phase != state.phase:
            state.phase, state.phase_since = phase, state.clock
        status, date = self._status(state), str(session.date) if session else None
        if (status, date) != state.said:
            state.said = (status, date)
            yield StatusChange(status, state.clock, date, state.last_candle_end)
