"""How spans get to a collector: OTLP over HTTP, in batches, as the OTEL_ variables say."""

from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext


class RootIds(RandomIdGenerator):
    """Random ids, but for the span after `root` is set: it gets these."""

    def __init__(self) -> None:
        self.root: SpanContext | None = None

    def generate_span_id(self) -> int:
        root, self.root = self.root, None
        return root.span_id if root else super().generate_span_id()

    def generate_trace_id(self) -> int:
        return self.root.trace_id if self.root else super().generate_trace_id()


def exporting(service: str, ids: RootIds) -> TracerProvider:
    """A provider whose spans go to the collector; shut it down, or the last ones are lost."""
    resource = Resource.create({"service.name": f"tickloom-{service}"})
    provider = TracerProvider(resource=resource, id_generator=ids, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
