"""When trades are due, and what the log of a replay says about latency."""

import time

from services.pacing import SAMPLE_NS, Pace, SendLog

SECOND_NS = 1_000_000_000


def test_without_a_factor_every_trade_is_due() -> None:
    pace = Pace(None)
    assert [pace.seconds_until(ts_event) for ts_event in (0, SECOND_NS, 10**18)] == [0, 0, 0]


def test_the_first_trade_sets_the_clock_and_the_factor_divides_the_wait() -> None:
    pace = Pace(60.0)
    assert pace.seconds_until(1_000 * SECOND_NS) == 0
    assert 59.0 < pace.seconds_until(4_600 * SECOND_NS) <= 60.0


def test_an_overdue_trade_does_not_wait() -> None:
    pace = Pace(1.0)
    pace.seconds_until(10 * SECOND_NS)
    assert pace.seconds_until(5 * SECOND_NS) == 0


def test_a_trade_becomes_due_as_time_passes() -> None:
    pace = Pace(1.0)
    pace.seconds_until(0)
    time.sleep(0.02)
    assert pace.seconds_until(SECOND_NS) <= 0.98


def test_the_log_says_when_a_time_was_first_reached_and_never_too_late() -> None:
    log = SendLog()
    noted = [
        log.note(100, 0),
        log.note(300, SAMPLE_NS - 1),
        log.note(200, SAMPLE_NS),
        log.note(400, 2 * SAMPLE_NS),
    ]
    assert noted == [True, False, True, True]
    assert log.samples() == [(0, 300), (SAMPLE_NS, 300), (2 * SAMPLE_NS, 400)]
    assert [log.sent_at(ts_event) for ts_event in (300, 301, 400, 401)] == [
        0,
        2 * SAMPLE_NS,
        2 * SAMPLE_NS,
        None,
    ]
