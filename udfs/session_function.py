"""The Flink function of the session job: minutes of a symbol in, candles of its sessions and its market's status out.

It runs in Python, at the rate of candles. What it decides is in `udfs.sessions` and `udfs.market_status`; here are
state, timers and rows.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction, OutputTag, RuntimeContext, TimeDomain
from pyflink.datastream.state import MapStateDescriptor, ValueStateDescriptor

from schemas import avro
from udfs.accumulator import Accumulator
from udfs.calendars import Calendars
from udfs.flink_rows import StoredMap, row_type
from udfs.market_status import Market, StatusChange
from udfs.session_state import Watch, ledger_bytes, minute_bytes, read_ledger, read_minute, read_watch, watch_bytes
from udfs.sessions import Minute, SessionBook, SessionCandle

NANOS_PER_MILLI = 1_000_000
WATERMARK_MAX = 2**63 - 1
STATUS = OutputTag("market-status", row_type("market_status"))
"""The side output with the columns of schemas/market_status.avsc."""
BYTES = Types.PRIMITIVE_ARRAY(Types.BYTE())
CANDLE_FIELDS = [field["name"] for field in avro.load("candle")["fields"]]


class SessionFunction(KeyedProcessFunction):  # type: ignore[misc]
    """Keyed by symbol. Takes rows (symbol, window_start, window_end, revision, revision_reason, accumulator, rt) and
    gives rows with the columns of schemas/candle.avsc. `horizon` and `silent_after` are in nanoseconds.

    A candle is final when the watermark passes its end. The status also follows the wall clock, which goes on from the
    last candle when the watermark does not: a feed that is silent altogether moves no watermark.
    """

    def __init__(self, calendars: Sequence[str], horizon: int, silent_after: int) -> None:
        self._rules = calendars
        self._horizon = horizon
        self._silent_after = silent_after

    def open(self, runtime_context: RuntimeContext) -> None:
        """Load the calendars and find the state."""
        self._calendars = Calendars(self._rules)
        self._opened_ms = _wall_ms()
        minutes = runtime_context.get_map_state(MapStateDescriptor("minutes", Types.LONG(), BYTES))
        self._minutes = StoredMap(minutes, minute_bytes, read_minute)
        self._ledger = runtime_context.get_state(ValueStateDescriptor("ledger", BYTES))
        self._watch = runtime_context.get_state(ValueStateDescriptor("market", BYTES))
        metrics = runtime_context.get_metrics_group()
        self._beyond_horizon = metrics.counter("minutesBeyondHorizon")
        self._outside_sessions = metrics.counter("minutesOutsideSessions")

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Any]:
        """A minute, or a revision of one."""
        symbol, start, end, revision, reason, accumulator, _ = value
        book = self._book(symbol)
        minute = Minute(start, revision, reason, Accumulator.from_bytes(accumulator).rolled_up())
        windows = book.windows(start)
        if not windows:
            self._outside_sessions.inc()
        elif book.refuses(minute):
            self._beyond_horizon.inc()
        else:
            yield from (_candle(symbol, each) for each in book.take(minute))
            self._ledger.update(ledger_bytes(book.ledger))
            for passed in {instant for window in windows for instant in (window.end, book.expiry(window))}:
                ctx.timer_service().register_event_time_timer(passed // NANOS_PER_MILLI - 1)
        yield from self._seen(symbol, start, end, ctx)

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Any]:
        """The end of a window or of its horizon, or a time at which the status may change."""
        symbol = ctx.get_current_key()
        if ctx.time_domain() == TimeDomain.PROCESSING_TIME:
            yield from self._woken(symbol, timestamp, ctx)
            return
        now = (timestamp + 1) * NANOS_PER_MILLI
        book = self._book(symbol)
        yield from (_candle(symbol, each) for each in book.close(now))
        book.forget(now)
        self._ledger.update(ledger_bytes(book.ledger))
        yield from self._passed(symbol, now, ctx)

    def _book(self, symbol: str) -> SessionBook:
        return SessionBook(self._calendars.of(symbol), self._horizon, self._minutes, read_ledger(self._ledger.value()))

    def _market(self, symbol: str) -> Market:
        return Market(self._calendars.of(symbol), self._silent_after)

    def _seen(self, symbol: str, start: int, end: int, ctx: KeyedProcessFunction.Context) -> Iterator[Any]:
        watch = read_watch(self._watch.value())
        state, changes = self._market(symbol).candle(watch.state, start, end)
        yield from self._statuses(symbol, changes)
        self._wait(symbol, Watch(state, _wall_ms(), watch.wake_ms), ctx)

    def _passed(self, symbol: str, now: int, ctx: KeyedProcessFunction.Context) -> Iterator[Any]:
        watch = read_watch(self._watch.value())
        if watch.state:
            yield from self._statuses(symbol, self._market(symbol).advance(watch.state, now))
            self._wait(symbol, watch, ctx)

    def _woken(self, symbol: str, wall_ms: int, ctx: KeyedProcessFunction.Context) -> Iterator[Any]:
        """The wall clock goes on from the last candle; time in which the job was down does not count."""
        watch = read_watch(self._watch.value())
        if watch.state and watch.wake_ms == wall_ms:
            silence_ms = max(0, wall_ms - max(watch.seen_ms, self._opened_ms))
            yield from self._passed(symbol, watch.state.last_candle_end + silence_ms * NANOS_PER_MILLI, ctx)

    def _statuses(self, symbol: str, changes: Iterator[StatusChange] | list[StatusChange]) -> Iterator[Any]:
        calendar = self._calendars.of(symbol).name
        for each in changes:
            yield STATUS, Row(symbol, calendar, str(each.status), each.since, each.session, each.last_candle_end)

    def _wait(self, symbol: str, watch: Watch, ctx: KeyedProcessFunction.Context) -> None:
        """Keep the state, and a timer of each clock for the next time at which the status may change."""
        assert watch.state
        timers = ctx.timer_service()
        if watch.wake_ms is not None:
            timers.delete_processing_time_timer(watch.wake_ms)
        check = self._market(symbol).next_check(watch.state)
        ended = timers.current_watermark() == WATERMARK_MAX  # of a drained job: its timers would never come to an end
        watch.wake_ms = None
        if check is not None and not ended:
            timers.register_event_time_timer(check // NANOS_PER_MILLI - 1)
            watch.wake_ms = (
                max(watch.seen_ms, self._opened_ms) + (check - watch.state.last_candle_end) // NANOS_PER_MILLI
            )
            timers.register_processing_time_timer(watch.wake_ms)
        self._watch.update(watch_bytes(watch))


def _candle(symbol: str, candle: SessionCandle) -> Row:
    window = candle.window
    bounds = (window.start, window.end)
    record = candle.accumulator.candle(symbol, window.resolution, bounds, candle.revision, candle.reason)
    return Row(*(record[name] for name in CANDLE_FIELDS))


def _wall_ms() -> int:
    return time.time_ns() // NANOS_PER_MILLI
