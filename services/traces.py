"""Traces from feed to API, one for each second of a symbol, sent to an OpenTelemetry collector where one is named.

The ids of a trace follow from symbol and second. So whoever has a candle knows the trace of its trades, those of its
last second: nothing of it travels through the state of a job. Trades bear it in the header `traceparent` too, for
readers that are not ours. OTEL_EXPORTER_OTLP_ENDPOINT names the collector, OTEL_TRACES_SAMPLER_ARG the share of all
traces that are recorded: the same ones in every process.
"""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    Tracer,
    set_span_in_context,
)

from services.oracle import SECOND_NS

if TYPE_CHECKING:
    from services.trace_export import RootIds

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
RATIO = "OTEL_TRACES_SAMPLER_ARG"
DEFAULT_RATIO = 0.01
IDS = 2**64
"""Of the last 64 bits of a trace's id, by which OpenTelemetry's own TraceIdRatioBased chooses too."""


Headers = list[tuple[str, bytes]] | None
"""Of a Kafka record."""


@dataclass(frozen=True)
class Traces:
    """Makes the spans of a service: those of the share `ratio` of all seconds. For one thread."""

    tracer: Tracer
    ratio: float
    ids: "RootIds"

    def of(self, symbol: str, ts_ns: int) -> SpanContext | None:
        """The root of the trace of a symbol's second; None when it is not recorded."""
        digest = hashlib.sha256(f"{symbol}\0{ts_ns // SECOND_NS}".encode()).digest()
        trace_id = int.from_bytes(digest[:16])
        if trace_id % IDS >= self.ratio * IDS:
            return None
        return SpanContext(trace_id, int.from_bytes(digest[16:24]), True, TraceFlags(TraceFlags.SAMPLED))

    def root(self, of: SpanContext, topic: str, began_ns: int, ended_ns: int, **attributes: str | int) -> None:
        """That trades were sent to a topic: what the trace begins with."""
        self.ids.root = of
        told = _told(topic, attributes)
        self.tracer.start_span(f"send {topic}", Context(), SpanKind.PRODUCER, told, start_time=began_ns).end(ended_ns)

    def span(self, what: str, of: SpanContext, topic: str, began_ns: int, **attributes: str | int) -> None:
        """What was done with a candle from a topic, from `began_ns` until now."""
        within, told = set_span_in_context(NonRecordingSpan(of)), _told(topic, attributes)
        span = self.tracer.start_span(f"{what} {topic}", within, SpanKind.CONSUMER, told, start_time=began_ns)
        span.end(time.time_ns())


def _told(topic: str, attributes: dict[str, str | int]) -> dict[str, str | int]:
    own = {f"tickloom.{name}": value for name, value in attributes.items()}
    return {"messaging.system": "kafka", "messaging.destination.name": topic, **own}


@dataclass
class Sent:
    """The traces of the trades that a feed sends to a topic: a span from the first of a second to the last.

    Without `traces` there are none.
    """

    traces: Traces | None
    topic: str
    _open: dict[str, "_Second"] = field(default_factory=dict)

    def header(self, symbol: str, ts_event: int) -> Headers:
        """The Kafka headers of a trade that is sent now, as W3C Trace Context has them."""
        if self.traces is None:
            return None
        second = self._open.get(symbol)
        if second is None or ts_event // SECOND_NS > second.number:
            self._end(symbol)
            second = self._open[symbol] = _Second(ts_event // SECOND_NS, self.traces.of(symbol, ts_event))
        of = second.of if ts_event // SECOND_NS == second.number else self.traces.of(symbol, ts_event)
        second.last_ns = time.time_ns()
        return [("traceparent", f"00-{of.trace_id:032x}-{of.span_id:016x}-01".encode())] if of else None

    def end(self) -> None:
        """Nothing more is sent."""
        for symbol in list(self._open):
            self._end(symbol)

    def _end(self, symbol: str) -> None:
        second = self._open.pop(symbol, None)
        if self.traces and second and second.of:
            self.traces.root(second.of, self.topic, second.first_ns, second.last_ns, symbol=symbol)


@dataclass
class _Second:
    number: int
    of: SpanContext | None
    first_ns: int = field(default_factory=time.time_ns)
    last_ns: int = 0


@contextmanager
def traced(service: str) -> Iterator[Traces | None]:
    """The traces of a service while it runs, all exported at the end; None where no collector is named."""
    if not any(os.environ.get(name) for name in ENDPOINTS):
        yield None
        return
    from services.trace_export import RootIds, exporting  # the SDK is slow to import, and most runs have no collector

    ids = RootIds()
    provider = exporting(service, ids)
    try:
        yield Traces(provider.get_tracer("tickloom"), float(os.environ.get(RATIO, DEFAULT_RATIO)), ids)
    finally:
        provider.shutdown()
