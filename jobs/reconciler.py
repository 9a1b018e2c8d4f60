"""The reconcile job's step by symbol: udfs.revisions with state from Flink and eyes on Kafka."""

import json
import time
from collections.abc import Iterator, MutableMapping
from typing import Any

from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import MapState, MapStateDescriptor, ValueState, ValueStateDescriptor

from jobs.market import KafkaMarket
from jobs.settings import Settings, milliseconds
from schemas import avro, topics
from schemas.codec import Decoder, Encoder
from schemas.registered import Registry
from udfs import conditions
from udfs.accumulator import Accumulator
from udfs.recompute import Message
from udfs.revisions import Pending, Revision, Revisor, Settled, Trigger, Version, WindowKey, row
from udfs.sources import Range, union

SETTLE_MS = 200
"""How often it is asked whether the candles beside a trigger have settled."""
OPEN_MS = 1_000
"""How often windows that were open are looked at."""
UNSEEN_MS_MAX = 60_000
"""How often windows that only revisions have are looked at in the end: the longer nothing came, the less often."""
WORK_S, REST_S = 1, 0.4
"""How long symbols are looked at in one go, and how long they wait then: meanwhile a checkpoint can pass."""
STATE_VERSION = 1


class Reconciler(KeyedProcessFunction):  # type: ignore[misc]
    """Rows (symbol, value) of late_trades in, records for topics out."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._conditions = conditions.load(settings.conditions)  # here: a cluster need not have the file

    def open(self, runtime_context: RuntimeContext) -> None:
        """Connect to broker and registry. Raises RegistryError when a schema is not registered."""
        settings = self._settings
        self._pending: ValueState = runtime_context.get_state(ValueStateDescriptor("pending", Types.STRING()))
        self._versions: MapState = runtime_context.get_map_state(
            MapStateDescriptor("versions", Types.STRING(), Types.PICKLED_BYTE_ARRAY())
        )
        horizon_ns = milliseconds(settings.late_horizon) * 1_000_000
        self._revisor = Revisor(settings.resolutions, horizon_ns, self._conditions)
        self._market = KafkaMarket(settings)
        registry = Registry(settings.registry_client())
        self._triggers = Decoder("late_trades", registry.schema)
        self._encoders = {
            topic: Encoder(registry.schema_id(topic, avro.load(name)), name)
            for topic, name in {
                **{topics.candles(resolution): "candle" for resolution in settings.resolutions},
                topics.EVENTS: "quality_event",
            }.items()
        }
        self._asked: dict[str, float] = {}
        self._until = 0.0

    def close(self) -> None:
        """Leave the broker."""
        self._market.close()

    def process_element(self, value: Row, ctx: "KeyedProcessFunction.Context") -> Iterator[Row]:
        """Note a trigger; one that is later than the horizon goes on as it is."""
        symbol, message = value[0], bytes(value[1])
        record = self._triggers.decode(message)
        trigger = _trigger(record)
        pending = _load(self._pending.value())
        if not self._revisor.accept(pending, trigger):
            yield Row(topics.EXPIRED, symbol, message, trigger.second // 1_000_000)
        elif trigger.reason == "partitions":
            yield self._event(symbol, "partitions", trigger.second, {})
        self._pending.update(_dump(pending))
        self._asked[symbol] = time.monotonic()
        self._wake(ctx, SETTLE_MS)

    def on_timer(self, timestamp: int, ctx: "KeyedProcessFunction.OnTimerContext") -> Iterator[Row]:
        """Settle what is pending once all that was written before the last trigger is committed."""
        symbol = ctx.get_current_key()
        if self._rests():
            self._wake(ctx, int(REST_S * 1_000))
            return
        asked = self._asked.setdefault(symbol, time.monotonic())  # after a restore: now
        self._market.poll()
        if self._market.settled_at < asked:
            self._wake(ctx, SETTLE_MS)
            return
        pending = _load(self._pending.value())
        versions = _Versions(self._versions)
        settled = self._revisor.settle(pending, versions, self._market.of(symbol))
        self._forget(pending, versions)
        self._pending.update(_dump(pending))
        if pending.reasons:
            self._wake(ctx, OPEN_MS)
        elif pending.unseen:
            waited_ms = int(1_000 * (time.monotonic() - asked))
            self._wake(ctx, min(max(waited_ms, OPEN_MS), UNSEEN_MS_MAX))
        else:
            del self._asked[symbol]
        yield from self._records(symbol, settled)

    def _records(self, symbol: str, settled: Settled) -> Iterator[Row]:
        for revision in settled.revisions:
            yield self._revision(symbol, revision)
        for message in settled.unknown:
            yield self._unknown(symbol, message)

    def _revision(self, symbol: str, revision: Revision) -> Row:
        record = row(symbol, revision)
        topic = topics.candles(revision.key.resolution)
        return Row(topic, symbol, self._encoders[topic].encode(record), record["window_end"] // 1_000_000 - 1)

    def _unknown(self, symbol: str, message: Message) -> Row:
        trade = message.trade
        more = {"venue": trade["venue"], "trade_id": trade["original_trade_id"]}
        place = {"partition": message.partition, "offset": message.offset}
        return self._event(symbol, "unknown_original", trade["original_ts_event"], {**more, **place})

    def _event(self, symbol: str, kind: str, ts_event: int, more: dict[str, Any]) -> Row:
        record = {"symbol": symbol, "kind": kind, "ts_event": ts_event, **more}
        return Row(topics.EVENTS, symbol, self._encoders[topics.EVENTS].encode(record), ts_event // 1_000_000)

    def _rests(self) -> bool:
        """Whether symbols have been looked at for long enough: the others wait."""
        now = time.monotonic()
        if now > self._until + REST_S:
            self._until = now + WORK_S
        return now > self._until

    def _forget(self, pending: Pending, versions: "_Versions") -> None:
        for key in [key for key in versions if self._revisor.forgettable(pending, key)]:
            del versions[key]
            pending.unseen.pop(key, None)

    @staticmethod
    def _wake(ctx: "KeyedProcessFunction.Context", in_ms: int) -> None:
        timers = ctx.timer_service()
        due = timers.current_processing_time() + in_ms
        timers.register_processing_time_timer(due - due % SETTLE_MS)  # triggers of one moment share a timer


class _Versions(MutableMapping[WindowKey, Version]):
    """Map state as udfs.revisions sees it. Each question goes to Flink and back, so its keys are asked for once."""

    def __init__(self, state: MapState) -> None:
        self._state = state
        self._keys = {_window(text) for text in state.keys()}  # noqa: SIM118

    def __getitem__(self, key: WindowKey) -> Version:
        if key not in self._keys:
            raise KeyError(key)
        version, revision, accumulator = self._state.get(_text(key))
        if version != STATE_VERSION:
            raise ValueError(f"state written in format {version}, this version reads {STATE_VERSION}")
        return Version(revision, Accumulator.from_bytes(accumulator))

    def __setitem__(self, key: WindowKey, value: Version) -> None:
        self._keys.add(key)
        self._state.put(_text(key), (STATE_VERSION, value.revision, value.accumulator.to_bytes()))

    def __delitem__(self, key: WindowKey) -> None:
        self._keys.remove(key)
        self._state.remove(_text(key))

    def __iter__(self) -> Iterator[WindowKey]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


def _trigger(record: dict[str, Any]) -> Trigger:
    place = (record["partition"], record["first_offset"], record["last_offset"])
    source = None if place[0] is None else Range(*place)
    return Trigger(record["second"], record["reason"], source, record["watermark"])


def _dump(pending: Pending) -> str:
    return json.dumps(
        {
            "version": STATE_VERSION,
            "sources": {str(second): sources for second, sources in pending.sources.items()},
            "reasons": {_text(key): sorted(reasons) for key, reasons in pending.reasons.items()},
            "unseen": {_text(key): sorted(reasons) for key, reasons in pending.unseen.items()},
            "newest": pending.newest,
        }
    )


def _load(text: str | None) -> Pending:
    if text is None:
        return Pending()
    stored = json.loads(text)
    if stored["version"] != STATE_VERSION:
        raise ValueError(f"state written in format {stored['version']}, this version reads {STATE_VERSION}")
    return Pending(
        {int(second): union(Range(*each) for each in sources) for second, sources in stored["sources"].items()},
        {_window(key): frozenset(reasons) for key, reasons in stored["reasons"].items()},
        {_window(key): frozenset(reasons) for key, reasons in stored["unseen"].items()},
        stored["newest"],
    )


def _text(key: WindowKey) -> str:
    return f"{key.resolution} {key.start}"


def _window(text: str) -> WindowKey:
    resolution, start = text.split()
    return WindowKey(resolution, int(start))
