"""What the API says, as pydantic models: for its OpenAPI page and its GraphQL types. Answers are encoded beforehand."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

PlainDecimal = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?$", examples=["101.5"])]
"""A decimal as text, so that no reader rounds it."""
Nanosecond = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}Z$",
        examples=["2026-01-05T14:30:00.250000000Z"],
        description="UTC, to the nanosecond",
    ),
]


class Answer(BaseModel):
    """What the answers share."""

    model_config = ConfigDict(extra="forbid")


class CandleAnswer(Answer):
    """A committed candle, as services.candle_json writes it."""

    symbol: Annotated[str, Field(examples=["BTC-USD"])]
    resolution: Annotated[str, Field(examples=["1m"])]
    window_start: datetime
    window_end: datetime
    open: PlainDecimal | None
    high: PlainDecimal | None
    low: PlainDecimal | None
    close: PlainDecimal | None
    volume: PlainDecimal
    vwap: PlainDecimal | None
    notional: PlainDecimal | None
    trade_count: int
    duplicate_count: int
    first_ts_event: Nanosecond | None
    last_ts_event: Nanosecond | None
    complete: bool
    revision: int
    revision_reason: str | None


class CandlePage(Answer):
    """Candles in the order asked for; `next` is the cursor of the next page, null when there is none."""

    candles: list[CandleAnswer]
    next: str | None


class CorporateActionAnswer(Answer):
    """A split, of `ratio` new shares for `per` old ones, or a dividend of `amount` for a share of those before it.

    `effective` is the first instant without the entitlement. `close_before` is the price that a dividend is measured
    by: as stated, else the close of the last day's candle; null where neither is known.
    """

    symbol: Annotated[str, Field(examples=["ACME"])]
    effective: Annotated[datetime, Field(examples=["2026-01-05T00:00:00Z"])]
    type: Literal["split", "dividend"]
    ratio: Annotated[PlainDecimal | None, Field(examples=["4"])]
    per: Annotated[PlainDecimal, Field(examples=["1"])]
    amount: PlainDecimal | None
    close_before: PlainDecimal | None


class SymbolAnswer(Answer):
    """A symbol, and the resolutions in which there are candles of it."""

    symbol: Annotated[str, Field(examples=["BTC-USD"])]
    resolutions: list[str]


class QualityAnswer(Answer):
    """How good a symbol's latest judged minute is; a measure that is not known is null."""

    symbol: str
    window_start: datetime
    trades: int
    late: int
    rejected: int
    score: float | None
    finding: str | None


class LevelAnswer(Answer):
    """Units at a price of a side of a book."""

    side: Annotated[str, Field(examples=["bid", "ask"])]
    price: PlainDecimal
    size: PlainDecimal


class DepthAnswer(Answer):
    """A book at the end of an interval, the best bids first, then the best asks (schemas/book_depth.avsc)."""

    symbol: Annotated[str, Field(examples=["BTC-USD.KRAKEN"])]
    window_end: datetime
    spread: PlainDecimal | None
    mid: PlainDecimal | None
    microprice: PlainDecimal | None
    imbalance: PlainDecimal | None
    bid_liquidity: PlainDecimal | None
    ask_liquidity: PlainDecimal | None
    levels: list[LevelAnswer]


class QuoteAnswer(Answer):
    """The best bid and offer of an instrument at the end of a second in which a venue quoted."""

    symbol: Annotated[str, Field(examples=["BTC-USD"])]
    window_end: datetime
    bid_close: PlainDecimal | None
    ask_close: PlainDecimal | None
    mid_close: PlainDecimal | None
    spread: PlainDecimal | None
    venue_count: int


class AlertAnswer(Answer):
    """An alert that fires, and since when; `runbook` says what to do."""

    name: Annotated[str, Field(examples=["CandleJobMissing"])]
    severity: Annotated[str, Field(examples=["critical", "warning"])]
    summary: str
    since: datetime
    runbook: str | None


class PartHealth(Answer):
    """A part the API leans on."""

    name: str
    healthy: bool
    detail: str


class Health(Answer):
    """Healthy when every part is."""

    healthy: bool
    parts: list[PartHealth]


class Problem(BaseModel):
    """What went wrong, in one line."""

    detail: str


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What routes may answer instead."""
    return {status: {"model": Problem} for status in statuses}
