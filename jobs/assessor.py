"""The quality job's step by symbol: facts in, records of how good each minute is and events of gaps out.

What it decides is in `udfs.quality` and `udfs.sequences`; here are state, timers and records.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import MapStateDescriptor, ValueStateDescriptor

from jobs.settings import Settings, milliseconds
from schemas import avro, topics
from schemas.codec import Encoder
from schemas.registered import Registry
from udfs import quality
from udfs.accumulator import Accumulator
from udfs.flink_rows import StoredMap
from udfs.quality import MINUTE_NS, SECOND_NS, Minute, Version, minute_of
from udfs.quality_state import (
    Clock,
    clock_bytes,
    minute_bytes,
    read_clock,
    read_minute,
    read_second,
    read_series,
    second_bytes,
    series_bytes,
)
from udfs.sequences import Finding, Run, Series

QUIET_MS = 2_000
"""A minute is judged when nothing new has come for so long: what belongs together is committed a little apart."""
IDLE_MS = 10_000
"""So long is waited for a candle that may not come, and for messages that would say that a hole is none."""
PATIENCE_MS = 60_000
"""So long for seconds that the minute's candle says there are."""
TICK_MS = 1_000
BYTES = Types.PRIMITIVE_ARRAY(Types.BYTE())


class Assessor(KeyedProcessFunction):  # type: ignore[misc]
    """Keyed by symbol. Takes rows with the columns of jobs.quality.COLUMNS, gives records for topics."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._horizon = milliseconds(settings.late_horizon) * 1_000_000
        self._disorder = milliseconds(settings.out_of_orderness) * 1_000_000
        self._timely_ms = milliseconds(settings.timely_within)

    def open(self, runtime_context: RuntimeContext) -> None:
        """Find state and schemas. Raises RegistryError when a schema is not registered."""
        state = runtime_context.get_map_state
        self._seconds = StoredMap(state(MapStateDescriptor("seconds", Types.LONG(), BYTES)), second_bytes, read_second)
        self._minutes = StoredMap(state(MapStateDescriptor("minutes", Types.LONG(), BYTES)), minute_bytes, read_minute)
        self._touched = state(MapStateDescriptor("touched", Types.LONG(), Types.LONG()))
        self._series = StoredMap(state(MapStateDescriptor("series", Types.STRING(), BYTES)), series_bytes, read_series)
        self._told = state(MapStateDescriptor("told", Types.STRING(), Types.LONG()))
        self._clock = runtime_context.get_state(ValueStateDescriptor("clock", BYTES))
        metrics = runtime_context.get_metrics_group()
        self._refused = metrics.counter("factsBeyondHorizon")
        self._judged = metrics.counter("judgedMinutes")
        self._poor = metrics.counter("poorMinutes")
        self._score = metrics.counter("scoreBasisPoints")
        registry = Registry(self._settings.registry_client())
        self._encoders = {
            topic: Encoder(registry.schema_id(topic, avro.load(name)), name)
            for topic, name in ((topics.QUALITY, "quality"), (topics.EVENTS, "quality_event"))
        }

    def process_element(self, value: Row, ctx: "KeyedProcessFunction.Context") -> Iterator[Row]:
        """Note a fact."""
        clock, fact = read_clock(self._clock.value()), value.as_dict()
        match fact["kind"]:
            case "second":
                self._second(clock, fact)
            case "run":
                yield from self._run(clock, fact)
            case "unknown_condition":
                yield from self._condition(fact)
            case _:
                self._fact(clock, fact)
        self._clock.update(clock_bytes(clock))
        self._wake(ctx)

    def on_timer(self, timestamp: int, ctx: "KeyedProcessFunction.OnTimerContext") -> Iterator[Row]:
        """Tell of gaps that nothing has filled, and judge the minutes of which nothing more is heard."""
        symbol, now_ms = ctx.get_current_key(), _wall_ms()
        clock = read_clock(self._clock.value())
        waiting = [venue for venue, series in self._series.items() if series.is_waiting]
        if waiting and now_ms - clock.seen_ms >= IDLE_MS:
            for venue in waiting:
                yield from self._tell(symbol, venue, clock, Series.report_all)
        for start, touched_ms in list(self._touched.items()):
            if now_ms - touched_ms >= QUIET_MS:
                yield from self._judge(symbol, start, now_ms - touched_ms)
        self._forget(clock)
        self._clock.update(clock_bytes(clock))
        if waiting or not self._touched.is_empty():
            self._wake(ctx)

    def _second(self, clock: Clock, fact: dict[str, Any]) -> None:
        start, known = fact["ts"], self._seconds.get(fact["ts"])
        if not self._touch(clock, start) or (known and known.revision >= fact["revision"]):
            return
        accumulator = Accumulator.from_bytes(fact["accumulator"]).rolled_up()
        lag = known.lag_ms if known else quality.lag_ms(accumulator.last_ts_event, _wall_ms())
        self._seconds[start] = Version(fact["revision"], accumulator, lag)
        clock.second = max(clock.second, minute_of(start))

    def _fact(self, clock: Clock, fact: dict[str, Any]) -> None:
        if not self._touch(clock, fact["ts"]):
            return
        minute, published = self._load(fact["ts"])
        match fact["kind"]:
            case "minute" if minute.candle is None or minute.candle.revision < fact["revision"]:
                minute.candle = Version(fact["revision"], Accumulator.from_bytes(fact["accumulator"]))
                clock.minute = max(clock.minute, minute.start)
            case "reject":
                minute.rejected += 1
            case "flag":
                minute.flagged += 1
            case "late":
                minute.late += fact["first_number"]
            case "reference":
                minute.reference = quality.reference(fact["detail"])
        self._minutes[minute.start] = minute, published
        if not fact["symbol"]:  # of records that name none there is nothing else
            clock.second = clock.minute = clock.trades = max(clock.newest, minute.start)

    def _run(self, clock: Clock, fact: dict[str, Any]) -> Iterator[Row]:
        clock.trades = max(clock.trades, minute_of(fact["ts"]))
        if fact["first_number"] is None:
            return
        run, venue = Run(fact["first_number"], fact["last_number"], fact["ts"], fact["until"]), fact["venue"]
        clock.seen_ms = _wall_ms()
        series = self._series.setdefault(venue, Series.before(run))
        self._count(clock, run.first_ts_event, received=series.fresh(run))
        yield from self._tell(fact["symbol"], venue, clock, lambda known: known.take(run, self._disorder))

    def _tell(
        self, symbol: str, venue: str, clock: Clock, step: Callable[[Series], Iterator[Finding]]
    ) -> Iterator[Row]:
        """What a step of the series finds."""
        series = self._series[venue]
        for each in list(step(series)):
            size = each.last - each.first + 1
            if each.kind != "sequence_reset":
                self._count(clock, each.until, missing=size if each.kind == "gap" else -size)
            more = {"first_sequence": each.first, "last_sequence": each.last, "ts_until": each.until}
            yield self._event(symbol, each.kind, each.since, venue, more)
        self._series[venue] = series

    def _condition(self, fact: dict[str, Any]) -> Iterator[Row]:
        known = f"{fact['venue']} {fact['detail']}"
        if not self._told.contains(known):
            self._told.put(known, fact["ts"])
            more = {"condition": fact["detail"]}
            yield self._event(fact["symbol"], "unknown_condition", fact["ts"], fact["venue"], more)

    def _count(self, clock: Clock, ts: int, received: int | None = None, missing: int = 0) -> None:
        if not self._touch(clock, ts):
            return
        minute, published = self._load(ts)
        if received is not None:
            minute.received = (minute.received or 0) + received
        minute.missing += missing
        self._minutes[minute.start] = minute, published

    def _touch(self, clock: Clock, ts: int) -> bool:
        """Whether the minute is still open to facts; it is then judged soon."""
        start = minute_of(ts)
        if start + MINUTE_NS <= clock.newest - self._horizon:
            self._refused.inc()
            return False
        self._touched.put(start, _wall_ms())
        return True

    def _load(self, ts: int) -> tuple[Minute, dict[str, Any] | None]:
        start = minute_of(ts)
        return self._minutes.get(start) or (Minute(start), None)

    def _judge(self, symbol: str, start: int, quiet_ms: int) -> Iterator[Row]:
        minute, published = self._load(start)
        seconds = range(start, start + MINUTE_NS, SECOND_NS)
        minute.seconds = {at: known for at in seconds if (known := self._seconds.get(at))}
        waits = (minute.candle or minute.seconds) and not minute.is_complete
        if quiet_ms < (PATIENCE_MS if waits else QUIET_MS if minute.candle else IDLE_MS):
            return
        self._touched.remove(start)
        record = quality.judge(symbol, minute, self._timely_ms)
        if quality.changed(published, record):
            record["revision"] = published["revision"] + 1 if published else 0
            self._minutes[start] = minute, record
            self._measure(record["score"])
            yield self._record(topics.QUALITY, symbol, record, record["window_end"] - 1)

    def _measure(self, score: float | None) -> None:
        """Count a verdict, a revised one too: of the symbols together, for there may be thousands."""
        if score is not None:
            self._judged.inc()
            self._poor.inc(score < quality.POOR)
            self._score.inc(round(10_000 * score))

    def _forget(self, clock: Clock) -> None:
        """Minutes that take no more facts and have been judged."""
        before = clock.newest - self._horizon
        if before <= clock.forgotten:
            return
        clock.forgotten = before
        for start in [each for each in self._minutes if each + MINUTE_NS <= before]:
            if self._touched.contains(start):
                clock.forgotten = start  # to be looked at again when it is judged
                continue
            del self._minutes[start]
            for second in range(start, start + MINUTE_NS, SECOND_NS):
                del self._seconds[second]

    def _event(self, symbol: str, kind: str, ts_event: int, venue: str, more: dict[str, Any]) -> Row:
        record = {"symbol": symbol, "kind": kind, "ts_event": ts_event, "venue": venue or None, **more}
        return self._record(topics.EVENTS, symbol, record, ts_event)

    def _record(self, topic: str, symbol: str, record: dict[str, Any], ts: int) -> Row:
        return Row(topic, symbol, self._encoders[topic].encode(record), ts // 1_000_000)

    @staticmethod
    def _wake(ctx: "KeyedProcessFunction.Context") -> None:
        now = ctx.timer_service().current_processing_time()
        ctx.timer_service().register_processing_time_timer(now + TICK_MS - now % TICK_MS)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
