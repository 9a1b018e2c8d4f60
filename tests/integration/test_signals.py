"""Signals delivered again and again, to several intakes, while Kafka is away: each is in its topic once, or nowhere."""

import os
import random
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families

from deploy.stack import Stack, ports
from deploy.stack.health import all_healthy
from jobs.settings import Settings
from jobs.topics import create_missing
from schemas import registry
from schemas.topics import SIGNALS, SIGNALS_REJECTED
from services.committed import Committed, CommittedReader
from services.signals import KINDS, outbox
from services.signals.adapter import Adapter
from services.signals.app import create
from services.signals.memory import PREFIX, Memory
from services.signals.outbox import Outbox
from tests.deploy.monitoring.promql import INTAKE, naming, unanswered
from tests.integration.candle_job import wait_until
from tests.integration.served import running
from tests.integration.stacks import command, environment
from tests.integration.test_readme import commands, run
from tests.services.signals.deliveries import SAID_NS, VARIABLES, body, headers, payload, source
from udfs.partitioner import partition_of

pytestmark = pytest.mark.integration

PARTITIONS = 4
TAKEN = {
    "telegram_message": ("telegram", "728914002"),
    "telegram_channel_post": ("telegram", "728914003"),
    "telegram_photo": ("telegram", "728914004"),
    "discord_command": ("discord", "1457742938627899392"),
    "discord_direct_message": ("discord", "1457743189770240001"),
}
"""Payloads that are signals, and the ids of the services."""
SOURCES = "sources.toml"
TRIES = 60


@pytest.fixture(scope="module", autouse=True)
def topics(stack: Stack) -> None:
    registry.register(stack.registry_client(), Settings().resolutions)
    chosen = Settings.load({"brokers": stack.bootstrap_servers, "partitions": PARTITIONS})
    create_missing(chosen, [SIGNALS, SIGNALS_REJECTED])


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def adapters(secrets: None) -> dict[str, Adapter]:
    """A source of each kind, by its kind, that no other test has."""
    mark = uuid4().hex[:8]
    return {kind: adapter(f"{kind}-{mark}", source(kind, "10000/second")) for kind, adapter in KINDS.items()}


@contextmanager
def intakes(
    stack: Stack, redis_url: str, adapters: Mapping[str, Adapter], count: int = 1, kafka: Mapping[str, str] = {}
) -> Iterator[list[httpx.Client]]:
    """Clients of intakes that run side by side meanwhile."""
    named = {each.name: each for each in adapters.values()}
    with ExitStack() as opened:
        clients = []
        for _ in range(count):
            sends = Outbox({**stack.kafka_client(), **kafka}, stack.registry_client())
            clients.append(opened.enter_context(running(create(named, sends, Memory(redis_url)))))
        yield clients


def post(client: httpx.Client, adapter: Adapter, content: bytes, identity: str = "msg_1") -> httpx.Response:
    """One delivery, signed now."""
    return client.post(
        f"/v1/signals/{adapter.name}", content=content, headers=dict(headers(adapter, content, identity))
    )


def deliver(client: httpx.Client, adapter: Adapter, content: bytes, identity: str = "msg_1") -> httpx.Response:
    """As services do: again, where the answer is to come later."""
    for _ in range(TRIES):
        answer = post(client, adapter, content, identity)
        if answer.status_code != 503:
            return answer
        time.sleep(0.5)
    raise AssertionError(f"not taken in {TRIES} deliveries")


def committed(stack: Stack, adapters: Mapping[str, Adapter], topic: str = SIGNALS) -> list[Committed]:
    """What is in a topic of these sources."""
    schema, place = ("signal", "signal_id") if topic == SIGNALS else ("rejected_trade", "topic")
    names = {each.name for each in adapters.values()}
    with CommittedReader(stack.kafka_client(), stack.registry_client(), {topic: schema}) as reader:
        return [each for each in reader.read_to_end(60) if each.record[place].split("/")[1] in names]


def ids(found: list[Committed]) -> list[str]:
    return [each.record["signal_id"] for each in found]


@contextmanager
def broker_frozen(stack: Stack) -> Iterator[None]:
    pid = stack.pids["kafka"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
        wait_until(lambda: all_healthy(stack), "the stack")


def test_what_is_delivered_again_and_again_to_two_intakes_at_once_is_in_the_topic_once(
    stack: Stack, redis_url: str, adapters: dict[str, Adapter]
) -> None:
    webhooks = [("webhook", body(symbol="BTC" if n % 2 else "ETH-USD"), f"msg_{n}") for n in range(20)]
    messages = [(name.partition("_")[0], payload(name), "") for name in TAKEN]
    with intakes(stack, redis_url, adapters, 2) as clients, ThreadPoolExecutor(8) as pool:
        copies = [(client, *each) for client in clients * 2 for each in (*webhooks, *messages)]
        random.Random(7).shuffle(copies)
        sent = [pool.submit(deliver, client, adapters[kind], told, name) for client, kind, told, name in copies]
        answers = [each.result() for each in sent]
    assert Counter(each.status_code for each in answers) == {200: len(copies)}
    found = committed(stack, adapters)
    assert Counter(ids(found)) == Counter(
        [adapters["webhook"].signal_id(identity) for _, _, identity in webhooks]
        + [adapters[kind].signal_id(identity) for kind, identity in TAKEN.values()]
    )
    assert {each.record["symbol"] for each in found} == {"BTC-USD", "ETH-USD"}
    for each in found:
        assert each.partition == partition_of(each.record["symbol"], PARTITIONS)


def test_a_record_says_what_was_said(stack: Stack, redis_url: str, adapters: dict[str, Adapter]) -> None:
    before_ns = time.time_ns()
    with intakes(stack, redis_url, adapters) as (client,):
        assert deliver(client, adapters["webhook"], body()).status_code == 200
    (record,) = [each.record for each in committed(stack, adapters)]
    assert before_ns < record.pop("ts_recv") < time.time_ns()
    assert record == {
        "signal_id": f"webhook/{adapters['webhook'].name}/msg_1",
        "source": f"webhook/{adapters['webhook'].name}",
        "author": "desk",
        "symbol": "BTC-USD",
        "direction": "buy",
        "confidence": Decimal("0.8"),
        "ts_event": SAID_NS + 1,
        "text": "broke out",
    }


def test_what_is_signed_but_no_signal_is_kept_once_with_its_reason_and_what_is_not_signed_is_not(
    stack: Stack, redis_url: str, adapters: dict[str, Adapter]
) -> None:
    webhook, telegram, discord = (adapters[kind] for kind in ("webhook", "telegram", "discord"))
    nonsense, chatter, other = body(direction="hold"), payload("telegram_chatter"), payload("discord_other_command")
    with intakes(stack, redis_url, adapters, 2) as clients:
        answers = [
            [deliver(client, *what) for client in clients * 2]
            for what in ((webhook, nonsense), (webhook, b"no JSON", "msg_2"), (telegram, chatter), (discord, other))
        ]
        for client in clients:
            forged = client.post(f"/v1/signals/{webhook.name}", content=nonsense, headers={"webhook-id": "msg_3"})
            assert forged.status_code == 401
    assert [[each.status_code for each in some] for some in answers] == [[422] * 4, [422] * 4, [200] * 4, [200] * 4]
    assert len({answers[0][n].json()["detail"] for n in range(4)}) == 1
    assert "Input should be 'buy', 'sell' or 'close'" in answers[0][0].json()["detail"]
    assert answers[3][3].json()["data"]["content"] == "Not taken: not the command /signal"
    found = {each.record["topic"]: each.record for each in committed(stack, adapters, SIGNALS_REJECTED)}
    assert len(committed(stack, adapters, SIGNALS_REJECTED)) == 4
    assert committed(stack, adapters) == []
    assert {place: (each["rule"], each["value"]) for place, each in found.items()} == {
        webhook.signal_id("msg_1"): ("shape", nonsense),
        webhook.signal_id("msg_2"): ("shape", b"no JSON"),
        telegram.signal_id("728914006"): ("text", chatter),
        discord.signal_id("1457743441428480002"): ("command", discord.kept(other)),
    }
    assert {(each["partition"], each["offset"]) for each in found.values()} == {(-1, -1)}


def test_while_kafka_hangs_deliveries_are_to_come_later_and_are_then_there_once(
    stack: Stack, redis_url: str, adapters: dict[str, Adapter]
) -> None:
    """What was sent before it hung may have been written, or be written once it goes on."""
    webhook = adapters["webhook"]
    with intakes(stack, redis_url, adapters, 2) as (one, other):
        for client in (one, other):
            deliver(client, webhook, body(), uuid4().hex)  # both are connected
        with broker_frozen(stack):
            began = time.monotonic()
            answers = [post(client, webhook, body()) for client in (one, other, one)]
            assert time.monotonic() - began < 12
        assert deliver(other, webhook, body()).status_code == 200
    assert [(each.status_code, each.headers["retry-after"]) for each in answers] == [(503, "2")] * 3
    assert Counter(ids(committed(stack, adapters)))[webhook.signal_id("msg_1")] == 1


def test_what_kafka_did_not_take_before_it_was_killed_is_taken_when_it_is_back_and_once(
    stack: Stack, redis_url: str, adapters: dict[str, Adapter]
) -> None:
    webhook = adapters["webhook"]
    with intakes(stack, redis_url, adapters, 2) as (one, other):
        deliver(one, webhook, body(), "before")
        killed = stack.pids["kafka"]
        os.kill(killed, signal.SIGKILL)
        away = post(one, webhook, body())
        wait_until(lambda: stack.pids.get("kafka", killed) != killed and all_healthy(stack), "the broker")
        assert deliver(other, webhook, body()).status_code == 200
        assert deliver(one, webhook, body()).status_code == 200
    assert (away.status_code, away.headers["retry-after"]) == (503, "2")
    assert sorted(ids(committed(stack, adapters))) == [webhook.signal_id("before"), webhook.signal_id("msg_1")]


def test_what_one_intake_gave_up_another_takes(
    stack: Stack, redis_url: str, adapters: dict[str, Adapter], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them has an address at which there is no broker."""
    monkeypatch.setitem(outbox.LIVE, "message.timeout.ms", 8_000)
    webhook = adapters["webhook"]
    with intakes(stack, redis_url, adapters, kafka={"bootstrap.servers": "127.0.0.1:1"}) as (lost,):
        assert post(lost, webhook, body()).status_code == 503
        with intakes(stack, redis_url, adapters) as (client,):
            assert post(client, webhook, body()).status_code == 503  # the other still has it in hand
            assert deliver(client, webhook, body()).status_code == 200
            assert client.get("/health").json()["healthy"]
        health = lost.get("/health")
    assert health.status_code == 503
    assert {each["name"]: each["healthy"] for each in health.json()["parts"]} == {"kafka": False, "redis": True}
    assert ids(committed(stack, adapters)) == [webhook.signal_id("msg_1")]


def test_where_redis_has_forgotten_a_delivery_it_is_there_again_with_its_id_and_in_its_partition(
    stack: Stack, redis_url: str, adapters: dict[str, Adapter]
) -> None:
    """As if an intake had ended before it could remember: what is promised is that readers can tell."""
    webhook = adapters["webhook"]
    with intakes(stack, redis_url, adapters) as (client,), redis.Redis.from_url(redis_url) as memory:
        deliver(client, webhook, body())
        memory.delete(f"{PREFIX}{webhook.signal_id('msg_1')}")
        deliver(client, webhook, body())
    first, second = committed(stack, adapters)
    assert ids([first, second]) == [webhook.signal_id("msg_1")] * 2
    assert (first.partition, first.record["symbol"]) == (second.partition, second.record["symbol"])
    assert first.offset < second.offset


def start(stack: Stack, folder: Path, *flags: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command("signals", "run", "--sources", str(folder / SOURCES), *flags),
        env=environment(stack.folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_an_intake_that_is_started_anew_knows_what_it_took_and_its_log_tells_on_nobody(
    stack: Stack, redis_url: str, adapters: dict[str, Adapter], tmp_path: Path
) -> None:
    variables = {"webhook": "ALERTS", "telegram": "TELEGRAM", "discord": "DISCORD"}
    tables = [
        f'[{each.name}]\nkind = "{kind}"\nsecret = "{variables[kind]}"\nsymbols = {{ BTC = "BTC-USD" }}\n'
        for kind, each in adapters.items()
    ]
    (tmp_path / SOURCES).write_text("".join(tables))
    port, metrics_port = ports.free(2)
    deliveries = [
        (adapters["webhook"], body(author="Ada Example", text="private words")),
        (adapters["telegram"], payload("telegram_message")),
        (adapters["telegram"], payload("telegram_chatter")),
    ]
    said = list[str]()
    for life in range(2):
        process = start(stack, tmp_path, f"--port={port}", f"--metrics-port={metrics_port}")
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=20) as client:
            try:
                wait_until(partial(healthy, client, process), "the intake", 60)
                assert [deliver(client, *each).status_code for each in deliveries] == [200] * 3
                metrics = httpx.get(f"http://127.0.0.1:{metrics_port}", trust_env=False).text
            finally:
                process.send_signal(signal.SIGINT)
                out, error = process.communicate(timeout=60)
        said += [out, error]
        assert process.returncode == 0, error
        name = adapters["telegram"].name
        assert f'tickloom_signals_{"repeated" if life else "accepted"}_total{{source="{name}"}}' in metrics
        assert f"http://127.0.0.1:{port}/v1/signals/{name}" in out
        assert life or unanswered(naming(INTAKE), text_string_to_metric_families(metrics)) == {}
    assert len(committed(stack, adapters)) == 2
    assert len(committed(stack, adapters, SIGNALS_REJECTED)) == 1
    log = said[1]
    assert '"source": "' + adapters["webhook"].name in log
    hidden = ["Ada Example", "private words", "5300182411", "5300182412", "don't", *VARIABLES.values()]
    assert [each for each in hidden if each in "".join(said)] == []


def healthy(client: httpx.Client, process: "subprocess.Popen[str]") -> bool:
    assert process.poll() is None, process.communicate()
    try:
        return client.get("/health").status_code == 200
    except httpx.TransportError:
        return False


def test_what_the_readme_delivers_is_in_the_topic(stack: Stack, redis_url: str, tmp_path: Path) -> None:
    (tmp_path / "stack").symlink_to(stack.folder)
    text = "\n".join(commands("Signals"))
    served, told = re.subn(r"^(tickloom signals run .*)$", r"\1 &", text, flags=re.MULTILINE)
    assert told == 1
    waiting = "for _ in $(seq 60); do curl -sf http://127.0.0.1:8091/health && break; sleep 1; done\n"
    script = re.sub(r"^(?=body=)", waiting, served, flags=re.MULTILINE)
    answer = run(f"trap 'kill $(jobs -p); wait' EXIT\n{script}", tmp_path)
    assert '{"signal_id":"webhook/alerts/msg_1"}' in answer
    with CommittedReader(stack.kafka_client(), stack.registry_client(), {SIGNALS: "signal"}) as reader:
        found: list[dict[str, Any]] = [each.record for each in reader.read_to_end(60)]
    (record,) = [each for each in found if each["signal_id"] == "webhook/alerts/msg_1"]
    assert (record["symbol"], record["direction"], record["confidence"]) == ("BTC-USD", "buy", Decimal("0.8"))
