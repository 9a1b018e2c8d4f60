"""A venue on a port of this machine that plays a script: messages, and everything that goes wrong between them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from websockets.asyncio.server import ServerConnection, serve

DROP, STALL = "drop", "stall"
"""Instead of a message: close the connection without a word; say nothing more on it."""


@dataclass
class VenueServer:
    """What each connection is told, one script after the other, the last again and again; and what it asked for."""

    scripts: Sequence[Sequence[str]]
    port: int = 0
    asked: list[str] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"ws://127.0.0.1:{self.port}"

    async def play(self, socket: ServerConnection) -> None:
        script = self.scripts[min(self.connections, len(self.scripts) - 1)]
        self.connections += 1
        self.asked.append(str(await socket.recv()))
        for step in script:
            if step == DROP:
                socket.transport.close()  # once everything is sent
                return
            if step != STALL:
                await socket.send(step)
        await socket.wait_closed()


@asynccontextmanager
async def venue_server(*scripts: Sequence[str], port: int = 0) -> AsyncIterator[VenueServer]:
    """One that runs meanwhile."""
    found = VenueServer(scripts)
    async with serve(found.play, "127.0.0.1", port) as server:
        found.port = next(iter(server.sockets)).getsockname()[1]
        yield found
