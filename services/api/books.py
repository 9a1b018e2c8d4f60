"""What is bid and offered now: the depth of a book at a venue, the best of an instrument at all of them."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from fastapi import APIRouter, Depends, HTTPException

from schemas import topics
from services.api.access import Gate
from services.api.answers import DepthAnswer, QuoteAnswer, problems
from services.api.board import Board
from services.api.questions import Symbol
from services.api.tail import Tail
from services.candle_json import instant_text, plain_decimal

QUOTED = "1s"
"""The resolution of the quote candles whose close is the latest quote."""
FOLLOWED = {topics.DEPTH: "book_depth", topics.quote_candles(QUOTED): "quote_candle"}


def boards(tail: Tail) -> tuple[Board, Board]:
    """Of depths and of quotes."""
    depths, quotes = (Board(tail, topic, lambda record: (record["window_end"],)) for topic in FOLLOWED)
    return depths, quotes


def router(depths: Board, quotes: Board, gate: Gate) -> APIRouter:
    """The routes of quotes and books."""
    routes = APIRouter(prefix="/v1", tags=["quotes and books"], dependencies=[Depends(gate.reader)])
    refused = problems(401, 403, 404, 422, 429)

    @routes.get("/depth", responses=refused)
    async def depth(symbol: Symbol) -> DepthAnswer:
        """The latest depth of the book of an instrument at a venue, such as BTC-USD.KRAKEN."""
        found = _found(depths, symbol)
        levels = [{"side": each["side"], **_texts(each, ("price", "size"))} for each in found["levels"]]
        return DepthAnswer.model_validate(_answer(found, DepthAnswer) | {"levels": levels})

    @routes.get("/quote", responses=refused)
    async def quote(symbol: Symbol) -> QuoteAnswer:
        """The latest best bid and offer of an instrument at all its venues, such as BTC-USD."""
        return QuoteAnswer.model_validate(_answer(_found(quotes, symbol), QuoteAnswer))

    return routes


def _found(board: Board, symbol: str) -> Mapping[str, Any]:
    record = board.of(symbol)
    if record is None:
        raise HTTPException(404, f"nothing is known of {symbol}")
    return record


def _answer(record: Mapping[str, Any], model: type[DepthAnswer] | type[QuoteAnswer]) -> dict[str, Any]:
    values = _texts(record, [name for name in model.model_fields if name not in ("levels", "window_end")])
    return {**values, "window_end": instant_text(record["window_end"])}


def _texts(record: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    values = {name: record[name] for name in names}
    return {name: plain_decimal(value) if isinstance(value, Decimal) else value for name, value in values.items()}
