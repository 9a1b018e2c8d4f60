"""Counts what was committed: for the live view, the summary and the final check of the demo."""

from collections import Counter
from datetime import timedelta
from typing import Any

from schemas import topics
from services.committed import Committed
from services.pacing import SendLog

LATENCIES_MAX = 1_000_000


class Tally:
    """Committed candles, rejected and late trades, and how long each candle took to become visible.

    The latency of a candle runs from the moment the trade was sent that let its window close (the first at or after
    window_end + out_of_orderness) until a read-committed reader had it. Windows that only the end of the input closed
    have none.
    """

    def __init__(self, sent_log: SendLog, out_of_orderness: timedelta) -> None:
        self.sent = 0
        self.candles: list[dict[str, Any]] = []
        self.latest: dict[str, dict[str, Any]] = {}
        self.by_resolution: Counter[str] = Counter()
        self.trades = 0
        self.duplicates = 0
        self.rejected = 0
        self.late = 0
        self.latencies_ns: list[int] = []
        self._sent_log = sent_log
        self._out_of_orderness_ns = out_of_orderness // timedelta(microseconds=1) * 1_000

    def add(self, committed: Committed) -> None:
        """Count a committed record of one of the candle job's topics."""
        if committed.topic == topics.REJECTED:
            self.rejected += committed.record["severity"] == "reject"  # what is flagged is in a candle
        elif committed.topic == topics.LATE:
            self.late += committed.record["trades"]
        else:
            self._add_candle(committed.record, committed.visible_ns)

    def _add_candle(self, candle: dict[str, Any], visible_ns: int) -> None:
        resolution = candle["resolution"]
        self.candles.append(candle)
        self.latest[resolution] = candle
        self.by_resolution[resolution] += 1
        if resolution == "1s":
            self.trades += candle["trade_count"]
            self.duplicates += candle["duplicate_count"]
        closable_ns = self._sent_log.sent_at(candle["window_end"] + self._out_of_orderness_ns)
        if closable_ns is not None and len(self.latencies_ns) < LATENCIES_MAX:
            self.latencies_ns.append(visible_ns - closable_ns)

    def latency_ms(self, quantile: float) -> float | None:
        """A quantile of the latencies in milliseconds, None when no candle has one."""
        if not self.latencies_ns:
            return None
        ordered = sorted(self.latencies_ns)
        return ordered[min(int(quantile * len(ordered)), len(ordered) - 1)] / 1e6
