"""The splits and dividends that are known of a symbol."""

from fastapi import APIRouter, Depends
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from services.api.access import Gate
from services.api.answers import CorporateActionAnswer, problems
from services.api.questions import Symbol
from services.candle_json import plain_decimal
from services.reference import CorporateAction

AMOUNTS = ("ratio", "per", "amount", "close_before")


class CorporateActions:
    """Reads them out of a pool of connections."""

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool

    async def of(self, symbol: str) -> list[CorporateAction]:
        """In the order in which they become effective, also those to come.

        `close_before` is, where none is stated, the close of the last candle of a day. Raises psycopg.Error.
        """
        async with self._pool.connection() as connection:
            cursor = connection.cursor(row_factory=dict_row)
            await cursor.execute(KNOWN, {"symbol": symbol})
            rows = await cursor.fetchall()
        # Not judged anew: a close that was found may be below the dividend, which is said when it is applied.
        return [CorporateAction.model_construct(**row) for row in rows]


def router(actions: CorporateActions, gate: Gate) -> APIRouter:
    """The route of what candles are adjusted for."""
    routes = APIRouter(
        prefix="/v1", tags=["candles"], dependencies=[Depends(gate.reader)], responses=problems(401, 422, 429, 503)
    )

    @routes.get("/corporate-actions")
    async def corporate_actions(symbol: Symbol) -> list[CorporateActionAnswer]:
        """The splits and dividends of a symbol, also those to come, as candles are adjusted for them."""
        return [_answer(action) for action in await actions.of(symbol)]

    return routes


def _answer(action: CorporateAction) -> CorporateActionAnswer:
    values = action.model_dump()
    texts = {name: values[name] and plain_decimal(values[name]) for name in AMOUNTS}
    return CorporateActionAnswer.model_validate(values | texts)


KNOWN = """
    select symbol, effective, type, ratio, per, amount, coalesce(close_before, last_day.close) as close_before
    from reference.corporate_actions as action
    left join lateral (
        select close from candles
        where action.type = 'dividend' and action.close_before is null and close is not null
        and symbol = action.symbol and resolution = '1d' and window_start <= action.effective - interval '24 hours'
        and window_start >= coalesce((
            select max(effective) from reference.corporate_actions as earlier
            where earlier.symbol = action.symbol and type = 'split' and effective < action.effective
        ), '-infinity')
        order by window_start desc limit 1
    ) as last_day on true
    where symbol = %(symbol)s
    order by effective, type
"""
"""A close from before a split is none of the shares that the dividend is paid for."""
