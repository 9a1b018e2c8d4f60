"""The proxy, between a client and a broker that answers every request with its number."""

import socket
import socketserver
import struct
import threading
import time
from collections.abc import Iterator

import pytest

from deploy.stack import ports
from deploy.stack.ports import HOST
from tests.faults import wire
from tests.faults.proxy import Proxy
from tests.faults.wire import EndTxn, Request

TIMEOUT_S = 5


def end_txn(correlation: int, transactional_id: str, version: int = 5, *, commit: bool = True) -> bytes:
    """A request that ends a transaction, as Kafka's clients write it."""
    header = struct.pack(">hhih", wire.END_TXN, version, correlation, 3) + b"me!"
    name, rest = transactional_id.encode(), struct.pack(">qh?", 77, 4, commit)
    if version < 3:
        return header + struct.pack(">h", len(name)) + name + rest
    length = len(name) + 1
    compact = bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])
    return header + b"\0" + compact + name + rest + b"\0"


class Broker(socketserver.ThreadingTCPServer):
    """Answers with the number of the request and no error."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, port: int) -> None:
        self.requests: list[Request] = []
        self.takes_s = 0.0
        super().__init__((HOST, port), Answers)


class Answers(socketserver.StreamRequestHandler):
    server: Broker

    def handle(self) -> None:
        try:
            while length := self.rfile.read(4):
                found = wire.request(self.rfile.read(int.from_bytes(length)))
                self.server.requests.append(found)
                time.sleep(self.server.takes_s)
                answer = struct.pack(">i", found.correlation) + bytes(16)
                self.wfile.write(len(answer).to_bytes(4) + answer)
        except ConnectionError:
            return


class Client:
    """A client of the proxy."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((HOST, port), TIMEOUT_S)

    def send(self, frame: bytes) -> None:
        self.socket.sendall(len(frame).to_bytes(4) + frame)

    def answer(self) -> int | None:
        """The number of the next answer; None when the connection has ended."""
        length = self.socket.recv(4)
        return int.from_bytes(self.socket.recv(int.from_bytes(length))[:4]) if length else None


@pytest.fixture
def free() -> list[int]:
    return ports.free(2)


@pytest.fixture
def broker(free: list[int]) -> Iterator[Broker]:
    with Broker(free[1]) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        yield server
        server.shutdown()


@pytest.fixture
def proxy(free: list[int], broker: Broker) -> Iterator[Proxy]:
    with Proxy(*free) as made:
        yield made


@pytest.fixture
def client(free: list[int], proxy: Proxy) -> Iterator[Client]:
    made = Client(free[0])
    yield made
    made.socket.close()


def commits(request: Request) -> bool:
    end = wire.end_txn(request)
    return end is not None and end.commit


@pytest.mark.parametrize("version", [0, 2, 3, 5])
@pytest.mark.parametrize("name", ["p/candles/t/-0-1", "p/candles/" + "t" * 150 + "/-0-1"])
def test_the_end_of_a_transaction_is_read_in_every_version(version: int, name: str) -> None:
    found = wire.request(end_txn(9, name, version))
    assert wire.end_txn(found) == EndTxn(name, 77, 4, True)
    assert wire.end_txn(found._replace(api=0)) is None


def test_requests_and_answers_pass_and_commits_are_noted(proxy: Proxy, client: Client) -> None:
    client.send(end_txn(1, "p/j/t/-0-0", commit=False))
    client.send(end_txn(2, "p/j/t/-0-1"))
    assert [client.answer(), client.answer()] == [1, 2]
    assert proxy.commits == [EndTxn("p/j/t/-0-1", 77, 4, True)]


def test_what_is_kept_back_reaches_the_broker_when_it_is_released(proxy: Proxy, broker: Broker, client: Client) -> None:
    with proxy.keep_back(commits) as hold:
        client.send(end_txn(1, "p/j/t/-0-0", commit=False))
        assert client.answer() == 1
        client.send(end_txn(2, "p/j/t/-0-1"))
        assert hold.reached.wait(TIMEOUT_S)
        assert len(broker.requests) == 1
    assert client.answer() == 2


def test_what_is_kept_back_of_a_client_that_died_never_reaches_the_broker(
    proxy: Proxy, broker: Broker, client: Client
) -> None:
    with proxy.keep_back(commits) as hold:
        client.send(end_txn(1, "p/j/t/-0-0"))
        assert hold.reached.wait(TIMEOUT_S)
        client.socket.close()
        time.sleep(0.1)
    time.sleep(0.1)
    assert broker.requests == []


def test_a_commit_that_the_broker_was_asked_for_is_noted_although_the_client_died_meanwhile(
    proxy: Proxy, broker: Broker, client: Client
) -> None:
    broker.takes_s = 0.3
    client.send(end_txn(1, "p/j/t/-0-0"))
    while not broker.requests:
        time.sleep(0.01)
    client.socket.close()
    time.sleep(0.6)
    assert proxy.commits == [EndTxn("p/j/t/-0-0", 77, 4, True)]


def test_a_reset_breaks_the_connection(proxy: Proxy, client: Client) -> None:
    client.send(end_txn(1, "p/j/t/-0-0"))
    assert client.answer() == 1
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        client.answer()


def test_half_closed_the_broker_does_what_is_kept_back_and_the_client_does_not_hear_of_it(
    proxy: Proxy, broker: Broker, client: Client
) -> None:
    with proxy.keep_back(commits) as hold:
        client.send(end_txn(1, "p/j/t/-0-0"))
        assert hold.reached.wait(TIMEOUT_S)
        proxy.half_close()
        assert client.answer() is None
        assert [each.correlation for each in broker.requests] == [1]
        assert len(proxy.commits) == 1


def test_a_delay_delays(proxy: Proxy, client: Client) -> None:
    proxy.delay_s = 0.2
    began = time.monotonic()
    client.send(end_txn(1, "p/j/t/-0-0"))
    assert client.answer() == 1
    assert time.monotonic() - began >= 0.4


def test_a_broker_that_is_down_is_down_for_clients_of_the_proxy() -> None:
    own, nobody = ports.free(2)
    with Proxy(own, nobody):
        client = Client(own)
        try:
            assert client.answer() is None
        except ConnectionResetError:
            pass
        finally:
            client.socket.close()
