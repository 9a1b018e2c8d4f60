"""A trace is known by symbol and second, in every process alike."""

from collections.abc import Iterator

import pytest
from opentelemetry.trace import SpanContext

from services.oracle import SECOND_NS
from services.traces import Sent, Traces, traced
from tests.collector import Collector, Span, collector

TOPIC = "md.trades.v1"
AT_NS = 1_700_000_000 * SECOND_NS


@pytest.fixture
def collected() -> Iterator[Collector]:
    with collector() as found:
        yield found


@pytest.fixture
def _told(collected: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in collected.environment().items():
        monkeypatch.setenv(name, value)


def known(found: SpanContext | None) -> SpanContext:
    assert found is not None
    return found


def hexes(of: SpanContext) -> tuple[str, str]:
    return f"{of.trace_id:032x}", f"{of.span_id:016x}"


def test_nothing_is_traced_where_no_collector_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    with traced("feed") as traces:
        assert traces is None


@pytest.mark.usefixtures("_told")
def test_services_find_the_same_trace_and_what_the_feed_sent_is_its_root(collected: Collector) -> None:
    with traced("replay") as feed:
        assert feed is not None
        sent = Sent(feed, TOPIC)
        header = sent.header("A", AT_NS + 5)
        assert sent.header("A", AT_NS + 999_999_999) == header
        sent.end()
    with traced("api") as api:
        assert api is not None
        of = known(api.of("A", AT_NS + SECOND_NS - 1))
        api.span("receive", of, "md.candles.1s.v1", 1, symbol="A")
    trace, root = hexes(of)
    assert header == [("traceparent", f"00-{trace}-{root}-01".encode())]
    first, second = collected.spans
    assert first == Span("tickloom-replay", f"send {TOPIC}", trace, root, "", first.began_ns, first.ended_ns)
    assert 0 < first.began_ns <= first.ended_ns
    assert (second.service, second.trace, second.parent) == ("tickloom-api", trace, root)


@pytest.mark.usefixtures("_told")
def test_each_second_of_a_symbol_is_a_trace_and_a_late_trade_belongs_to_its_own(collected: Collector) -> None:
    with traced("replay") as feed:
        assert feed is not None
        sent = Sent(feed, TOPIC)
        headers = [sent.header(name[0], AT_NS + int(name[1]) * SECOND_NS) for name in ("A0", "A1", "A0", "B0")]
        sent.end()
    assert headers[0] == headers[2]
    assert len({str(each) for each in headers}) == 3
    assert sorted(each.name for each in collected.spans) == [f"send {TOPIC}"] * 3
    assert len({each.trace for each in collected.spans}) == 3


@pytest.mark.parametrize("ratio", [0.0, 0.1, 1.0])
def test_about_the_share_that_is_asked_for_is_recorded(ratio: float, collected: Collector) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in collected.environment(ratio).items():
            patch.setenv(name, value)
        with traced("feed") as traces:
            assert isinstance(traces, Traces)
            recorded = [traces.of("A", AT_NS + second * SECOND_NS) for second in range(10_000)]
    assert sum(each is not None for each in recorded) == pytest.approx(10_000 * ratio, rel=0.15)
