"""When a trade of a replay is due, and what was sent by when."""

import time
from bisect import bisect_left
from collections import deque

SAMPLE_NS = 10_000_000
SAMPLES_MAX = 1_000_000


class Pace:
    """The original timing times a factor; without a factor everything is due at once."""

    def __init__(self, speed: float | None) -> None:
        self._speed = speed
        self._first: tuple[int, int] | None = None

    def seconds_until(self, ts_event: int) -> float:
        """Seconds to wait before a trade is due, 0 when it is overdue. The first trade sets the clock."""
        if self._speed is None:
            return 0.0
        now = time.monotonic_ns()
        if self._first is None:
            self._first = (now, ts_event)
        started, first_ts_event = self._first
        return max(0.0, ((ts_event - first_ts_event) / self._speed - (now - started)) / 1e9)


class SendLog:
    """Samples of (wall clock, latest ts_event sent), every 10 ms at most and the last million of them.

    A sample's wall clock is the beginning of its 10 ms, so a latency measured from it errs on the long side.
    """

    def __init__(self) -> None:
        self._walls: deque[int] = deque(maxlen=SAMPLES_MAX)
        self._latest: deque[int] = deque(maxlen=SAMPLES_MAX)

    def note(self, ts_event: int, now_ns: int) -> bool:
        """A trade is about to be sent; returns whether it began a new sample."""
        if self._walls and now_ns - self._walls[-1] < SAMPLE_NS:
            self._latest[-1] = max(self._latest[-1], ts_event)
            return False
        self._latest.append(max(ts_event, self._latest[-1]) if self._latest else ts_event)
        self._walls.append(now_ns)
        return True

    def sent_at(self, ts_event: int) -> int | None:
        """Wall-clock nanoseconds when a trade at this time or after it was first sent; None when none was."""
        place = bisect_left(self._latest, ts_event)
        return self._walls[place] if place < len(self._walls) else None

    def samples(self) -> list[tuple[int, int]]:
        """(wall-clock ns, latest ts_event sent by then), in order."""
        return list(zip(self._walls, self._latest, strict=True))
