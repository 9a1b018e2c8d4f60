"""Requests at a steady rate, whether answers come or not, so that one that waits makes those behind it wait as well."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

CONNECTIONS = 64
TIMEOUT_S = 30


@dataclass
class Load:
    """Asks `address` for what `path` gives, so many times a second; seconds from when each was due to its last byte."""

    address: str
    path: Callable[[], str]
    rate_hz: float
    seconds: list[float] = field(default_factory=list)
    bytes_read: int = 0
    failures: int = 0

    async def run(self, duration_s: float) -> None:
        """For so long, and until the last answer."""
        idle: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
        for _ in range(CONNECTIONS):
            idle.put_nowait(Connection(self.address))
        began, asked = time.perf_counter(), list[asyncio.Task[None]]()
        for number in range(int(duration_s * self.rate_hz)):
            due = began + number / self.rate_hz
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            asked.append(asyncio.create_task(self._ask(idle, due)))
        await asyncio.gather(*asked)

    async def _ask(self, idle: "asyncio.LifoQueue[Connection]", due: float) -> None:
        connection = await idle.get()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                self.bytes_read += await connection.get(self.path())
            self.seconds.append(time.perf_counter() - due)
        except (OSError, TimeoutError, ValueError, EOFError):
            self.failures += 1
            connection.drop()
        finally:
            idle.put_nowait(connection)


class Connection:
    """One that is kept. A client library would take more of the machine than what is measured."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str) -> int:
        """Bytes of the answer's body, compressed. Raises OSError, EOFError, and ValueError for anything but 200."""
        request = f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\nAccept-Encoding: gzip\r\n\r\n".encode()
        head, reader = await self._head(request)
        if " 200 " not in head.splitlines()[0]:
            raise ValueError(head.splitlines()[0])
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        await reader.readexactly(length)
        return length

    async def _head(self, request: bytes) -> tuple[str, asyncio.StreamReader]:
        """A server may close a connection that was idle; the next question then opens one."""
        was_idle = self._streams is not None
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port, limit=1 << 20)
        reader, writer = self._streams
        writer.write(request)
        try:
            return (await reader.readuntil(b"\r\n\r\n")).decode().lower(), reader
        except (EOFError, ConnectionError):
            self.drop()
            if not was_idle:
                raise
            return await self._head(request)

    def drop(self) -> None:
        """Begin anew with the next question."""
        if self._streams:
            self._streams[1].close()
        self._streams = None
