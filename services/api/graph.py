"""The same candles over GraphQL."""

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from fastapi import APIRouter, Depends
from strawberry.experimental import pydantic
from strawberry.extensions import MaxAliasesLimiter, MaxTokensLimiter, QueryDepthLimiter
from strawberry.fastapi import GraphQLRouter

from services.api.access import Gate
from services.api.answers import CandleAnswer
from services.api.candle_pages import MAX_LIMIT, Asked, CandlePages
from services.api.latest import LatestCandles
from services.candle_json import plain

MAX_SYMBOLS = 500
LIMITS = (
    lambda: QueryDepthLimiter(max_depth=5),
    lambda: MaxAliasesLimiter(max_alias_count=10),
    lambda: MaxTokensLimiter(max_token_count=1_000),
)


@pydantic.type(CandleAnswer, all_fields=True)
class Candle:
    """A committed candle; decimals are text."""


@strawberry.type
class Page:
    """Candles in the order asked for, and the cursor of the next page."""

    candles: list[Candle]
    next: str | None


@strawberry.enum
class Order(Enum):
    """By the start of the window."""

    ASC = "asc"
    DESC = "desc"


@strawberry.enum
class Adjusted(Enum):
    """Candles as they were traded, or adjusted for splits, or for splits and dividends."""

    RAW = "raw"
    SPLITS = "splits"
    ALL = "all"


def router(pages: CandlePages, latest_candles: LatestCandles, gate: Gate, resolutions: tuple[str, ...]) -> APIRouter:
    """GraphQL for POST; a browser gets a page to try it out."""

    def known(resolution: str) -> str:
        if resolution not in resolutions:
            raise ValueError(f"no resolution {resolution}: {', '.join(resolutions)}")
        return resolution

    @strawberry.type
    class Query:
        @strawberry.field
        async def candles(
            self,
            symbol: str,
            resolution: str,
            start: datetime | None = None,
            end: datetime | None = None,
            order: Order = Order.ASC,
            first: int = 500,
            revision: int | None = None,
            after: datetime | None = None,
            adjusted: Adjusted = Adjusted.RAW,
        ) -> Page:
            """Candles whose windows start in [start, end), of each the highest revision or the one asked for."""
            limit = min(max(first, 1), MAX_LIMIT)
            asked = Asked(
                symbol, known(resolution), start, end, order.value, limit, revision, after, adjusted=adjusted.value
            )
            found, following = await pages.candles(asked)
            return Page(candles=[_told(CandleAnswer.model_validate(plain(each))) for each in found], next=following)

        @strawberry.field
        async def latest(self, symbols: list[str], resolution: str) -> list[Candle]:
            """The latest candle of each symbol that has one."""
            found = await latest_candles.encoded(symbols[:MAX_SYMBOLS], known(resolution))
            return [_told(CandleAnswer.model_validate_json(each)) for each in found]

        @strawberry.field
        async def symbols(self) -> list[str]:
            """The symbols of which there are candles."""
            return [symbol for symbol, _ in await pages.symbols()]

    schema = strawberry.Schema(Query, extensions=list(LIMITS))
    return GraphQLRouter(schema, dependencies=[Depends(gate.reader)])


def _told(answer: CandleAnswer) -> Any:
    return Candle.from_pydantic(answer)  # type: ignore[attr-defined]
