"""A proxy between Flink and its broker that can keep requests back, and mistreat connections."""

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, Self

from deploy.stack.ports import HOST
from tests.faults import wire
from tests.faults.wire import EndTxn, Request

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
FRAME_BYTES_MAX = 100 * 2**20
SWALLOW_S = 0.3
"""How long answers are swallowed before a half-closed connection ends."""
START_TIMEOUT_S = 10
COMMIT_S = 1
"""How long the broker may take to answer a client that has gone."""


class Hold:
    """Requests of a kind that are kept back from now until `release`. As a context it releases at the end."""

    def __init__(self, proxy: "Proxy", wanted: Callable[[Request], bool]) -> None:
        self.wanted, self.reached = wanted, threading.Event()
        self._proxy, self._released = proxy, asyncio.Event()

    async def wait(self) -> None:
        """Keep a request back."""
        self.reached.set()
        await self._released.wait()

    def release(self) -> None:
        """Pass on what was kept back, and all that comes."""
        self._proxy.hold_none(self)
        self._proxy.call(self._released.set)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class Proxy:
    """Passes connections to one port on to another, in a thread of its own; a context.

    `commits` are the transactions that the broker has committed through it, `delay_s` is added to every frame.
    """

    def __init__(self, port: int, broker_port: int) -> None:
        self.commits: list[EndTxn] = []
        self.delay_s = 0.0
        self.hold: Hold | None = None
        self.links = set[_Link]()
        self._port, self._broker_port = port, broker_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._end())
        self.call(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def keep_back(self, wanted: Callable[[Request], bool]) -> Hold:
        """Keep back the requests that are wanted; one hold at a time."""
        self.hold = Hold(self, wanted)
        return self.hold

    def hold_none(self, hold: Hold) -> None:
        """End a hold."""
        if self.hold is hold:
            self.hold = None

    def reset(self) -> None:
        """Break every connection at once, on both sides."""
        self._call_each(_Link.abort)

    def half_close(self) -> None:
        """Pass requests on, what was kept back too, but swallow the answers; then end connections as a broker does."""
        self._call_each(_Link.swallow)
        if self.hold:
            self.hold.release()
        self._run(asyncio.sleep(SWALLOW_S))
        self._call_each(_Link.end_answers)

    def call(self, function: Callable[[], object]) -> None:
        """Call a function in the proxy's thread."""
        self._loop.call_soon_threadsafe(function)

    def _call_each(self, function: Callable[["_Link"], None]) -> None:
        def call() -> None:
            for link in self.links:
                function(link)

        self.call(call)

    def _run(self, what: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(START_TIMEOUT_S)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, HOST, self._port)

    async def _end(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            broker = await asyncio.open_connection(HOST, self._broker_port)
        except OSError:  # it is down: so are we
            writer.transport.abort()
            return
        link = _Link(self, (reader, writer), broker)
        self.links.add(link)
        try:
            await link.run()
        finally:
            self.links.discard(link)


class _Link:
    """A connection of a client, and the one to the broker that belongs to it."""

    def __init__(self, proxy: Proxy, client: Stream, broker: Stream) -> None:
        self._proxy, self._client, self._broker = proxy, client, broker
        self._ends: dict[int, tuple[int, EndTxn]] = {}
        self._swallowing = False

    async def run(self) -> None:
        """Pass frames on until one side ends."""
        tasks = [asyncio.ensure_future(each) for each in (self._pass_requests(), self._pass_answers())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            await self._await_commits(tasks[1])
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for _, writer in (self._client, self._broker):
                writer.close()

    async def _await_commits(self, answers: "asyncio.Future[None]") -> None:
        """A client that was killed has committed what the broker had been asked to."""
        deadline = time.monotonic() + COMMIT_S
        while self._ends and not answers.done() and time.monotonic() < deadline:
            await asyncio.sleep(0.01)

    def abort(self) -> None:
        """Break both connections, with a reset."""
        for _, writer in (self._client, self._broker):
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    def swallow(self) -> None:
        """Answer nothing from now on."""
        self._swallowing = True

    def end_answers(self) -> None:
        """End the connection towards the client; it may still send."""
        _, writer = self._client
        if self._swallowing and not writer.is_closing():
            writer.write_eof()

    async def _pass_requests(self) -> None:
        while frame := await _frame(self._client[0]):
            request = wire.request(frame)
            hold = self._proxy.hold
            if hold and hold.wanted(request):
                await hold.wait()
                if self._client_is_gone():
                    return
            if end := wire.end_txn(request):
                self._ends[request.correlation] = request.version, end
            await self._pass(frame, self._broker[1])

    async def _pass_answers(self) -> None:
        while frame := await _frame(self._broker[0]):
            version, end = self._ends.pop(int.from_bytes(frame[:4]), (0, None))
            if end and end.commit and wire.end_txn_error(version, frame) == 0:
                self._proxy.commits.append(end)
            if not self._swallowing and not self._client_is_gone():
                await self._pass(frame, self._client[1])

    async def _pass(self, frame: bytes, writer: asyncio.StreamWriter) -> None:
        if self._proxy.delay_s:
            await asyncio.sleep(self._proxy.delay_s)
        writer.write(len(frame).to_bytes(4) + frame)
        await writer.drain()

    def _client_is_gone(self) -> bool:
        reader, writer = self._client
        return reader.at_eof() or reader.exception() is not None or writer.is_closing()


async def _frame(reader: asyncio.StreamReader) -> bytes | None:
    """The next frame without its length; None when the connection has ended."""
    try:
        length = int.from_bytes(await reader.readexactly(4))
        assert length <= FRAME_BYTES_MAX
        return await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
