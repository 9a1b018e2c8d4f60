"""Streams of committed candles over Server-Sent Events and WebSocket, both resumed with a sequence."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Query, WebSocket
from fastapi.responses import StreamingResponse
from starlette.websockets import WebSocketDisconnect

from schemas import topics
from services.api.access import Gate
from services.api.answers import problems
from services.api.questions import Symbol, known_among
from services.api.tail import Item, Sequence, StreamError, Tail
from services.candle_json import encode

HEARTBEAT_S = 15
SEQUENCE = r"^[0-9]+(\.[0-9]+)*$"
SEQUENCE_LENGTH = 4_000
POLICY_VIOLATION = 1008
TRY_AGAIN_LATER = 1013

Symbols = Annotated[list[Symbol] | None, Query(description="only these; none: all", max_length=500)]
After = Annotated[
    str | None, Query(pattern=SEQUENCE, max_length=SEQUENCE_LENGTH, description="the sequence of the last event")
]
Updating = Annotated[bool, Query(description="candles that are still open, where the job publishes them")]


def router(tail: Tail, gate: Gate, resolutions: tuple[str, ...]) -> APIRouter:
    """The routes of streams."""
    routes = APIRouter(prefix="/v1/stream", tags=["streams"])
    known = known_among(resolutions)

    def begun(resolution: str, updating: bool, after: str | None, symbols: list[str] | None) -> AsyncIterator[Item]:
        topic = topics.candles(topics.updating(resolution) if updating else resolution)
        return _chosen(tail.follow(topic, _sequence(after)), set(symbols or ()))

    @routes.get(
        "",
        dependencies=[Depends(gate.reader)],
        response_class=StreamingResponse,
        responses={
            200: {"content": {"text/event-stream": {"example": EXAMPLE}}, "description": "an event a candle"},
            **problems(401, 410, 422, 429, 503),
        },
    )
    async def server_sent_events(
        resolution: Annotated[str, Depends(known)],
        symbol: Symbols = None,
        updating: Updating = False,
        after: After = None,
        last_event_id: Annotated[str | None, Header(pattern=SEQUENCE, max_length=SEQUENCE_LENGTH)] = None,
    ) -> StreamingResponse:
        """Committed candles of a resolution as they become visible, revisions included.

        The `id` of an event is the sequence after it: send the last one back as `Last-Event-ID` and nothing is missed
        and nothing sent twice, whatever happened meanwhile. An event `error` with status 410 says that Kafka no longer
        has what was missed, one with 429 that the listener was too slow; the stream then ends.
        """
        items = begun(resolution, updating, last_event_id or after, symbol)
        first = await _first(items)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_events(first, items), media_type="text/event-stream", headers=headers)

    @routes.websocket("/ws")
    async def websocket(
        socket: WebSocket,
        resolution: str,
        symbol: Symbols = None,
        updating: Updating = False,
        after: After = None,
    ) -> None:
        try:
            await gate.reader(socket)
            items = begun(await known(resolution), updating, after, symbol)
            first = await _first(items)
        except HTTPException as error:
            await socket.close(POLICY_VIOLATION, error.detail)
            return
        await socket.accept()
        await _send_all(socket, first, items)

    return routes


async def _send_all(socket: WebSocket, first: Item, items: AsyncIterator[Item]) -> None:
    """Send until the client leaves, or says anything: there is nothing to say."""
    sending = asyncio.create_task(_send(socket, first, items))
    hearing = asyncio.create_task(socket.receive())
    await asyncio.wait({sending, hearing}, return_when=asyncio.FIRST_COMPLETED)
    for task in (sending, hearing):
        task.cancel()
    await asyncio.gather(sending, hearing, return_exceptions=True)
    with suppress(RuntimeError, WebSocketDisconnect):  # it has left
        await socket.close(POLICY_VIOLATION, "this only streams")


async def _send(socket: WebSocket, first: Item, items: AsyncIterator[Item]) -> None:
    try:
        await socket.send_text(f'{{"sequence":"{_text(first.sequence)}"}}')
        async for sequence, candle in items:
            if candle:
                await socket.send_text(f'{{"sequence":"{_text(sequence)}","candle":{encode(candle).decode()}}}')
    except StreamError as error:
        await socket.close(TRY_AGAIN_LATER, str(error))
    except WebSocketDisconnect:
        pass


async def _events(first: Item, items: AsyncIterator[Item]) -> AsyncIterator[bytes]:
    """An event a candle; now and then one that only moves the sequence on, and shows that the connection is alive."""
    yield b"retry: 1000\n" + _event("open", first.sequence)
    told_s, sequence = time.monotonic(), first.sequence
    waiting = asyncio.ensure_future(anext(items))
    try:
        while True:
            await asyncio.wait({waiting}, timeout=HEARTBEAT_S)
            if waiting.done():
                sequence, candle = waiting.result()
                waiting = asyncio.ensure_future(anext(items))
                if candle:
                    told_s = time.monotonic()
                    yield b"id: %s\ndata: %s\n\n" % (_text(sequence).encode(), encode(candle))
            if time.monotonic() - told_s >= HEARTBEAT_S:
                told_s = time.monotonic()
                yield _event("alive", sequence)
    except StreamError as error:
        yield b"event: error\ndata: %s\n\n" % json.dumps({"status": error.status, "detail": str(error)}).encode()
    finally:
        waiting.cancel()


def _event(name: str, sequence: Sequence) -> bytes:
    return f"event: {name}\nid: {_text(sequence)}\ndata: {{}}\n\n".encode()


async def _first(items: AsyncIterator[Item]) -> Item:
    try:
        return await anext(items)
    except StreamError as error:
        raise HTTPException(error.status, str(error)) from None


async def _chosen(items: AsyncIterator[Item], symbols: set[str]) -> AsyncIterator[Item]:
    """Without the candles of other symbols, whose sequences count all the same."""
    async for sequence, candle in items:
        yield Item(sequence, candle if candle and (not symbols or candle["symbol"] in symbols) else None)


def _sequence(text: str | None) -> Sequence | None:
    return tuple(int(part) for part in text.split(".")) if text else None


def _text(sequence: Sequence) -> str:
    return ".".join(map(str, sequence))


EXAMPLE = """id: 1042.977
data: {"symbol":"BTC-USD","resolution":"1m","window_start":"2026-01-05T14:30:00Z","open":"101.5"}

"""
