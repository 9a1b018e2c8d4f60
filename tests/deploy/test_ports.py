"""Which ports a stack gets."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from deploy.errors import UserError
from deploy.stack import ports


@contextmanager
def listening() -> Iterator[int]:
    with socket.create_server((ports.HOST, 0)) as server:
        yield server.getsockname()[1]


def test_a_stated_port_is_taken_as_it_is() -> None:
    (wanted,) = ports.free(1)
    assert ports.choose({"kafka": wanted}).kafka == wanted


def test_a_stated_port_that_is_taken_is_refused_and_its_holder_named() -> None:
    with listening() as taken, pytest.raises(UserError) as refused:
        ports.choose({"registry": taken})
    assert f"port {taken} is taken" in str(refused.value)
    assert f"pid {os.getpid()}" in str(refused.value)
    assert "--registry-port" in str(refused.value)


def test_a_default_port_that_is_taken_gives_way_to_a_free_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as taken:
        monkeypatch.setitem(ports.DEFAULTS, "flink", taken)
        chosen = ports.choose({}).flink
        assert chosen != taken
        assert ports.is_free(chosen)


def test_a_default_port_that_is_free_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    (default,) = ports.free(1)
    monkeypatch.setitem(ports.DEFAULTS, "flink", default)
    assert ports.choose({}).flink == default


def test_no_two_parts_share_a_port() -> None:
    chosen = ports.choose({}).model_dump().values()
    assert len(set(chosen)) == len(chosen)


def test_a_port_held_on_every_interface_is_not_free() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:
        assert not ports.is_free(server.getsockname()[1])
