"""Pages of candles, latest candles and symbols."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from schemas.models import Instant
from services.adjustment import Adjustment
from services.api.access import Gate
from services.api.answers import CandleAnswer, CandlePage, SymbolAnswer, problems
from services.api.candle_pages import MAX_LIMIT, Asked, CandlePages, Format
from services.api.latest import LatestCandles
from services.api.questions import Symbol, known_among

MEDIA: dict[Format, str] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "arrow": "application/vnd.apache.arrow.stream",
}

OTHER_FORMS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            MEDIA["arrow"]: {"schema": {"type": "string", "format": "binary"}},
        }
    },
    304: {"description": "what If-None-Match names still holds"},
}


def router(pages: CandlePages, latest_candles: LatestCandles, gate: Gate, resolutions: tuple[str, ...]) -> APIRouter:
    """The routes of what is in the database."""
    routes = APIRouter(
        prefix="/v1", tags=["candles"], dependencies=[Depends(gate.reader)], responses=problems(401, 422, 429, 503)
    )

    allowed = known_among(resolutions)

    @routes.get(
        "/candles",
        response_model=CandlePage,
        responses={**OTHER_FORMS, **problems(409)},
    )
    async def candles(
        request: Request,
        symbol: Symbol,
        resolution: Annotated[str, Depends(allowed)],
        start: Annotated[Instant | None, Query(description="first window", examples=["2026-01-05T14:30:00Z"])] = None,
        end: Annotated[Instant | None, Query(description="windows start before")] = None,
        order: Literal["asc", "desc"] = "asc",
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 1_500,
        revision: Annotated[int | None, Query(ge=0, le=2**31 - 1, description="this one; none: the highest")] = None,
        cursor: Annotated[Instant | None, Query(description="`next` of the page before")] = None,
        adjusted: Annotated[
            Adjustment, Query(description="for splits, or all: splits and dividends", examples=["all"])
        ] = "raw",
        format: Format = "json",
    ) -> Response:
        """Candles whose windows start in [start, end), of each the highest revision.

        Adjusted, they are as if every split and dividend that is effective by now had been so before them; 409 says
        that the close before a dividend is not known. The next page is asked for with the cursor, which is `next` in
        JSON and in the header `Link` in every format.
        """
        asked = Asked(symbol, resolution, start, end, order, limit, revision, cursor, adjusted)
        page = await pages.page(asked, format)
        headers = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if page.tag:
            headers["ETag"] = f'W/"{page.tag}"'  # what it is compressed to has the same
        if page.next:
            headers["Link"] = f'<{request.url.include_query_params(cursor=page.next)}>; rel="next"'
        if page.tag and request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        if page.gzipped and "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(page.gzipped, media_type=MEDIA[format], headers=headers)
        return Response(page.body, media_type=MEDIA[format], headers=headers)

    @routes.get("/latest", response_model=list[CandleAnswer])
    async def latest(
        resolution: Annotated[str, Depends(allowed)],
        symbol: Annotated[list[Symbol], Query(min_length=1, max_length=500)],
    ) -> Response:
        """The latest candle of each symbol; `close` is its latest price. A symbol without one is left out.

        From memory; what has not come since the API began is looked up in Redis, then in PostgreSQL.
        """
        found = await latest_candles.encoded(symbol, resolution)
        return Response(b"[%s]" % b",".join(found), media_type=MEDIA["json"])

    @routes.get("/symbols")
    async def symbols() -> list[SymbolAnswer]:
        """The symbols of which there are candles."""
        return [SymbolAnswer(symbol=name, resolutions=names) for name, names in await pages.symbols()]

    return routes
