"""Who has not signed, says too much, comes too often or stops in the middle is refused, before anything is kept."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from prometheus_client import REGISTRY
from starlette.testclient import TestClient

from services.signals.app import create
from services.signals.memory import Memory
from services.signals.outbox import Outbox
from tests.services.signals.deliveries import (
    adapters,
    body,
    discord,
    payload,
    signature,
    telegram,
    webhook,
)

NO_REDIS = "redis://127.0.0.1:1"
"""Where none answers: what is let through is answered by 503."""


class Unused(Outbox):
    """Nothing comes so far."""

    def __init__(self) -> None:
        pass

    async def run(self) -> None:
        pass

    async def send(self, topic: str, key: str, record: Mapping[str, Any], ts_ns: int) -> None:
        raise AssertionError("what was not remembered was sent")


@contextmanager
def intake(**limits: str) -> Iterator[TestClient]:
    with TestClient(create(adapters(**limits), Unused(), Memory(NO_REDIS))) as client:
        yield client


def status(name: str, content: bytes, headers: Mapping[str, str]) -> int:
    with intake() as client:
        return client.post(f"/v1/signals/{name}", content=content, headers=dict(headers)).status_code


def counted(source: str, reason: str) -> float:
    labels = {"source": source, "reason": reason}
    return REGISTRY.get_sample_value("tickloom_signals_rejected_total", labels) or 0


BODY, COMMAND, MESSAGE = body(), payload("discord_command"), payload("telegram_message")
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
UNSIGNED: dict[str, tuple[str, bytes, Callable[[], dict[str, str]]]] = {
    "another secret": ("alerts", BODY, lambda: webhook(BODY, secret="whsec_" + "A" * 32)),
    "another body": ("alerts", BODY + b" ", lambda: webhook(BODY)),
    "another id": ("alerts", BODY, lambda: {**webhook(BODY), "webhook-id": "msg_2"}),
    "another time": ("alerts", BODY, lambda: {**webhook(BODY), "webhook-timestamp": str(int(time.time()) - 2)}),
    "an old webhook": ("alerts", BODY, lambda: webhook(BODY, age_s=301)),
    "a webhook of the future": ("alerts", BODY, lambda: webhook(BODY, age_s=-302)),
    "no id": ("alerts", BODY, lambda: {**webhook(BODY), "webhook-id": ""}),
    "an id with a full stop": ("alerts", BODY, lambda: webhook(BODY, identity="msg.1")),
    "no signature": ("alerts", BODY, lambda: {**webhook(BODY), "webhook-signature": ""}),
    "a signature of no form": ("alerts", BODY, lambda: {**webhook(BODY), "webhook-signature": "v1"}),
    "a signature of no base": ("alerts", BODY, lambda: {**webhook(BODY), "webhook-signature": "v1,é"}),
    "a time that is none": ("alerts", BODY, lambda: {**webhook(BODY), "webhook-timestamp": "now"}),
    "a body that is no text": ("alerts", b"\xff", lambda: webhook(b"\xff")),
    "nothing": ("alerts", BODY, dict),
    "another token": ("desk", MESSAGE, lambda: telegram("another")),
    "a token of no alphabet": ("desk", MESSAGE, lambda: telegram("é")),
    "no token": ("desk", MESSAGE, dict),
    "another key": ("server", COMMAND, lambda: discord(COMMAND, OTHER_KEY)),
    "another command": ("server", COMMAND + b" ", lambda: discord(COMMAND)),
    "an old command": ("server", COMMAND, lambda: discord(COMMAND, age_s=301)),
    "a command of the future": ("server", COMMAND, lambda: discord(COMMAND, age_s=-302)),
    "a ping of another": ("server", payload("discord_ping"), lambda: discord(payload("discord_ping"), OTHER_KEY)),
    "no hexadecimal digits": ("server", COMMAND, lambda: {**discord(COMMAND), "x-signature-ed25519": "xyz"}),
    "no headers": ("server", COMMAND, dict),
}


@pytest.mark.parametrize("case", UNSIGNED)
def test_what_the_source_has_not_signed_just_now_is_refused_and_counted(case: str) -> None:
    name, content, headers = UNSIGNED[case]
    before = counted(name, "signature")
    told = [(key.encode(), value.encode("latin-1")) for key, value in headers().items()]
    with intake() as client:
        answer = client.post(f"/v1/signals/{name}", content=content, headers=told)
    assert answer.status_code == 401
    assert counted(name, "signature") == before + 1


@pytest.mark.parametrize("age_s", [295, 0, -295])
def test_what_is_signed_within_five_minutes_comes_through(age_s: int) -> None:
    assert status("alerts", BODY, webhook(BODY, age_s=age_s)) == 503
    assert status("server", COMMAND, discord(COMMAND, age_s=age_s)) == 503


def test_of_several_signatures_one_is_enough() -> None:
    told = webhook(BODY)
    others = signature("msg_1", int(told["webhook-timestamp"]), BODY, "whsec_" + "A" * 32)
    both = {**told, "webhook-signature": f"v1a,AAAA {others} {told['webhook-signature']}"}
    assert status("alerts", BODY, both) == 503


def test_a_ping_of_discord_is_answered_without_anybody_behind() -> None:
    told = payload("discord_ping")
    with intake() as client:
        answer = client.post("/v1/signals/server", content=told, headers=discord(told))
    assert (answer.status_code, answer.json()) == (200, {"type": 1})


def test_a_source_that_delivers_too_often_is_told_to_wait_and_strangers_do_not_use_up_its_limit() -> None:
    with intake(alerts="3/hour") as client:

        def deliver(headers: dict[str, str]) -> int:
            return client.post("/v1/signals/alerts", content=BODY, headers=headers).status_code

        assert [deliver({}) for _ in range(5)] == [401] * 5
        assert [deliver(webhook(BODY, f"msg_{number}")) for number in range(5)] == [503] * 3 + [429] * 2
        told = client.post("/v1/signals/alerts", content=BODY, headers=webhook(BODY))
        other = client.post("/v1/signals/server", content=COMMAND, headers=discord(COMMAND))
    assert (told.headers["retry-after"], told.json()["detail"]) == ("3600", "more than 3 per 1 hour")
    assert other.status_code == 503


def test_64_kib_are_read_and_a_byte_more_is_too_much() -> None:
    full = b" " * (64 * 1024 - len(BODY)) + BODY
    assert status("alerts", full, webhook(full)) == 503
    assert status("alerts", full + b" ", webhook(full + b" ")) == 413


def test_a_body_without_end_is_not_read_to_its_end() -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(1_000):
            taken += 1
            yield b" " * 1_024

    with intake() as client:
        assert client.post("/v1/signals/alerts", content=endless()).status_code == 413


def test_nobody_else_may_deliver_and_strangers_are_not_named_in_metrics() -> None:
    before = counted("", "unknown")
    assert status("nobody", BODY, webhook(BODY)) == 404
    assert counted("", "unknown") == before + 1
    assert counted("nobody", "unknown") == 0


def test_what_cannot_be_remembered_is_not_taken_and_may_come_again() -> None:
    with intake() as client:
        answer = client.post("/v1/signals/alerts", content=BODY, headers=webhook(BODY))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.json() == {"detail": "not taken, try again"}


def test_strangers_find_no_description_of_the_routes() -> None:
    with intake() as client:
        assert [client.get(path).status_code for path in ("/docs", "/openapi.json", "/redoc")] == [404] * 3
