"""A collector of spans over OTLP/HTTP, on a port of this machine."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    """What came of a span; ids in hexadecimal, `parent` empty for a root."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    began_ns: int
    ended_ns: int


@dataclass
class Collector:
    """The spans that came so far, and where to send them."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)

    def environment(self, ratio: float = 1) -> dict[str, str]:
        """What makes a process send the spans of such a share of the traces here, soon, and drop none in a burst."""
        soon = {"OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_BSP_MAX_QUEUE_SIZE": "1000000"}
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url, "OTEL_TRACES_SAMPLER_ARG": str(ratio), **soon}

    def add(self, request: ExportTraceServiceRequest) -> None:
        for of_resource in request.resource_spans:
            told = {each.key: each.value.string_value for each in of_resource.resource.attributes}
            for of_scope in of_resource.scope_spans:
                for each in of_scope.spans:
                    trace, own, parent = (value.hex() for value in (each.trace_id, each.span_id, each.parent_span_id))
                    times = each.start_time_unix_nano, each.end_time_unix_nano
                    self.spans.append(Span(told["service.name"], each.name, trace, own, parent, *times))


@contextmanager
def collector() -> Iterator[Collector]:
    """One that runs meanwhile."""
    found = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            found.add(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
