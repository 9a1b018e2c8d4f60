"""The demo's counts and latencies, on records made by hand."""

from datetime import timedelta
from typing import Any

from deploy.tally import Tally
from schemas import topics
from services.committed import Committed
from services.pacing import SendLog

SECOND_NS = 1_000_000_000


def committed(topic: str, visible_ns: int = 0, **record: Any) -> Committed:
    return Committed(topic, 0, 0, visible_ns, record)


def candle(window_end: int, visible_ns: int = 0, resolution: str = "1s") -> Committed:
    record = {"resolution": resolution, "window_end": window_end, "trade_count": 3, "duplicate_count": 1}
    return committed(topics.candles(resolution), visible_ns, **record)


def tally(*sent: tuple[int, int]) -> Tally:
    log = SendLog()
    for ts_event, wall_ns in sent:
        log.note(ts_event, wall_ns)
    return Tally(log, timedelta(seconds=2))


def test_trades_are_counted_once_although_every_resolution_holds_them() -> None:
    counts = tally()
    counts.add(candle(1 * SECOND_NS))
    counts.add(candle(60 * SECOND_NS, resolution="1m"))
    assert (counts.trades, counts.duplicates, counts.by_resolution) == (3, 1, {"1s": 1, "1m": 1})


def test_a_late_row_counts_the_trades_it_stands_for_and_a_flagged_trade_only_in_its_candle() -> None:
    counts = tally()
    counts.add(committed(topics.LATE, trades=5))
    counts.add(committed(topics.REJECTED, rule="size", severity="reject"))
    counts.add(committed(topics.REJECTED, rule="band", severity="flag"))
    assert (counts.late, counts.rejected) == (5, 1)


def test_latency_runs_from_the_trade_that_let_the_window_close() -> None:
    counts = tally((9 * SECOND_NS, 0), (12 * SECOND_NS, 100_000_000), (13 * SECOND_NS, 200_000_000))
    counts.add(candle(window_end=10 * SECOND_NS, visible_ns=350_000_000))  # closable at 12 s
    assert counts.latency_ms(0.5) == 250.0


def test_a_window_closed_by_the_end_of_the_input_has_no_latency() -> None:
    counts = tally((9 * SECOND_NS, 0))
    counts.add(candle(window_end=10 * SECOND_NS, visible_ns=350_000_000))
    assert counts.latency_ms(0.5) is None
