"""What a reader of committed records sees of a job's switch to another version."""

import threading
import time
from collections import Counter
from itertools import pairwise
from types import TracebackType
from typing import Self

from deploy.errors import UserError
from jobs import kafka
from jobs.settings import Settings
from services.committed import Committed, CommittedReader, CommittedReadError

CATCH_UP_TIMEOUT_S = 60
FIRST_CANDLE_TIMEOUT_S = 15
POLL_S = 0.1


class Watch:
    """Follows the shortest candles of the settings, as a context, from their end on."""

    def __init__(self, settings: Settings) -> None:
        _, topic, schema = kafka.candle_sinks(settings)[0]
        self._reader = CommittedReader(settings.kafka_client(), settings.registry_client(), {topic: schema})
        self._seen: list[Committed] = []
        self._failed: CommittedReadError | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        self._seen = list(self._reader.read_to_end(CATCH_UP_TIMEOUT_S))[-1:]
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._reader.close()

    def await_candle(self) -> None:
        """Wait for a candle that becomes visible from now on, if one does soon."""
        seen, deadline = len(self._seen), time.monotonic() + FIRST_CANDLE_TIMEOUT_S
        while len(self._seen) == seen and self._thread.is_alive() and time.monotonic() < deadline:
            time.sleep(POLL_S)

    def check(self) -> None:
        """Raises UserError when a candle came twice, or the reader has failed."""
        if self._failed:
            raise UserError(str(self._failed))
        names = (tuple(each.record[name] for name in ("symbol", "window_start", "revision")) for each in self._seen)
        twice = [name for name, times in Counter(names).items() if times > 1]
        if twice:
            raise UserError(f"{len(twice)} candles came twice, such as {sorted(twice)[0]}")

    def pause_s(self) -> float | None:
        """The longest time without a newly committed candle; None when none came."""
        times = [each.visible_ns for each in self._seen]
        return max((after - before for before, after in pairwise(times)), default=0) / 1e9 or None

    def windows(self) -> tuple[int, int] | None:
        """Start of the first and end of the last window that was seen; None when none came."""
        records = [each.record for each in self._seen[1:]]
        starts, ends = ([each[name] for each in records] for name in ("window_start", "window_end"))
        return (min(starts), max(ends)) if records else None

    def _follow(self) -> None:
        try:
            while not self._over.is_set():
                found = self._reader.poll(POLL_S)
                if found:
                    self._seen.append(found)
        except CommittedReadError as error:
            self._failed = error
