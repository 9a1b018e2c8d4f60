"""What a feed sends, a database keeps and the API tells of a second of a symbol is one trace."""

import signal
import subprocess
from pathlib import Path

import pytest
from confluent_kafka import Consumer

from deploy.stack import Stack
from jobs import topics
from services.oracle import SECOND_NS
from services.traces import traced
from tests.collector import Collector, collector
from tests.integration.candle_job import START_NS, CandleJob, Feed, settings, wait_until
from tests.integration.served import served, sources
from tests.integration.stacks import command, environment, tickloom
from tests.integration.test_replay import register

pytestmark = pytest.mark.integration

SERVICES = {"tickloom-replay", "tickloom-projection-postgres", "tickloom-api"}
SECONDS = 5


def services_by_trace(found: Collector) -> dict[str, set[str]]:
    by_trace: dict[str, set[str]] = {}
    for span in list(found.spans):
        by_trace.setdefault(span.trace, set()).add(span.service)
    return by_trace


def header_of(stack: Stack, topic: str) -> bytes:
    """Of the first record."""
    consumer = Consumer({"group.id": topic, "auto.offset.reset": "earliest", **stack.kafka_client()})
    consumer.subscribe([topic])
    message = next(message for message in iter(lambda: consumer.poll(1), ()) if message)
    consumer.close()
    headers = dict(message.headers() or [])
    return bytes(headers["traceparent"] or b"")


def test_a_trace_leads_from_the_feed_through_the_database_and_the_api(
    stack: Stack, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = Feed(stack, partitions=1)
    register(stack, feed.topic, "trade")
    rows = [f"{feed.symbol('A')},{START_NS + second * SECOND_NS},10,1" for second in (*range(SECONDS), 60)]
    trades = tmp_path / "trades.csv"
    trades.write_text("\n".join(["symbol,ts_event,price,size", *rows]))
    chosen = settings(stack, feed, resolutions="1s", parallelism=1)
    topics.prepare(chosen, "candles")  # the API follows one that appears later from its end
    with collector() as found:
        for name, value in found.environment().items():
            monkeypatch.setenv(name, value)
        variables = {"TICKLOOM_POSTGRES_URL": url, "TICKLOOM_TRANSACTIONAL_ID_PREFIX": feed.name}
        projection = subprocess.Popen(
            command("project", "run", "postgres", "--resolutions", "1s"), env={**environment(stack.folder), **variables}
        )
        try:
            with traced("api") as traces, served(sources(stack, url, traces=traces)), CandleJob.submit(stack, chosen):
                tickloom(stack.folder, "replay", str(trades), "--topic", feed.topic)
                wait_until(
                    lambda: list(services_by_trace(found).values()).count(SERVICES) >= SECONDS,
                    "the traces of all that is committed",
                )
        finally:
            projection.send_signal(signal.SIGINT)
            projection.wait(30)
    _, trace, root, _ = header_of(stack, feed.topic).decode().split("-")
    spans = {span.service: span for span in found.spans if span.trace == trace}
    assert (spans["tickloom-replay"].id, spans["tickloom-replay"].parent) == (root, "")
    assert {spans[service].parent for service in SERVICES - {"tickloom-replay"}} == {root}
