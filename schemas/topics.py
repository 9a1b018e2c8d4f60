"""Names of topics and subjects: `md.<dataset>.v<major>`, and `<topic>-value`."""

import re
from collections.abc import Sequence

from schemas.resolutions import SESSIONS
from schemas.users import COLUMNS

TRADES = "md.trades.v1"
QUOTES = "md.quotes.v1"
BOOKS = "md.books.v1"
DEPTH = "md.books.depth.v1"
BOOKS_REJECTED = "md.books.rejected.v1"
QUOTES_REJECTED = "md.quotes.rejected.v1"
QUOTED = "md.trades.quoted.v1"
"""Trades with the quotes in force at their times."""
QUOTED_REJECTED = "md.trades.quoted.rejected.v1"
REJECTED = "md.trades.rejected.v1"
REPLAYED = "md.trades.replayed.v1"
LATE = "md.late.v1"
EXPIRED = "md.late.expired.v1"
"""Triggers later than the horizon of the reconcile job: the audit's list."""
EVENTS = "md.quality.events.v1"
QUALITY = "md.quality.v1"
BAR_KINDS = tuple(f"{unit}{rule}" for rule in ("", "_imbalance", "_run") for unit in ("tick", "volume", "dollar"))
BARS_LATE = "md.bars.late.v1"
MARKET_STATUS = "md.market.status.v1"
SIGNALS = "md.signals.v1"
SIGNALS_REJECTED = "md.signals.rejected.v1"
ENRICHED = "md.trades.enriched.v1"
INSTRUMENTS = "ref.instruments.v1"
CORPORATE_ACTIONS = "ref.corporate_actions.v1"
REFERENCE = (INSTRUMENTS, CORPORATE_ACTIONS)
"""Changes of tables, in Debezium's JSON, keyed by the row and compacted; no schema of ours describes them."""
USERS = tuple(f"users.{table}.v1" for table in COLUMNS)
"""Likewise of users' own tables, without rows as they were before; schemas/users.toml says what is personal."""


def candles(resolution: str) -> str:
    """Topic of the candles of a resolution, such as `md.candles.1m.v1`; also `1m.updating` and `5m.every.1m`."""
    return f"md.candles.{resolution}.v1"


def quote_candles(resolution: str) -> str:
    """Topic of the candles of quotes of a resolution, such as `md.quotes.candles.1m.v1`."""
    return f"md.quotes.candles.{resolution}.v1"


def order_flow(resolution: str) -> str:
    """Topic of the order flow of a resolution, such as `md.flow.1m.v1`."""
    return f"md.flow.{resolution}.v1"


def updating(length: str) -> str:
    """Name, in the place of a resolution, of candles that are given again and again while they are open."""
    return f"{length}.updating"


def sliding(length: str, step: str) -> str:
    """Name, in the place of a resolution, of candles that begin every step."""
    return f"{length}.every.{step}"


def bars(kind: str) -> str:
    """Topic of the bars of a kind, such as `md.bars.dollar_imbalance.v1`."""
    return f"md.bars.{kind}.v1"


def subject(topic: str) -> str:
    """Registry subject of a topic's values."""
    return f"{topic}-value"


def subjects(resolutions: Sequence[str]) -> dict[str, str]:
    """Every subject and the name of its schema; candles have one subject a resolution, sessions included."""
    of_trades = {subject(candles(resolution)): "candle" for resolution in resolutions}
    of_quotes = {subject(quote_candles(resolution)): "quote_candle" for resolution in resolutions}
    of_flow = {subject(order_flow(resolution)): "order_flow" for resolution in resolutions}
    return SCHEMAS | of_trades | of_quotes | of_flow


def schema_of(subject: str) -> str | None:
    """Name of the schema of a subject, None for a subject that is not ours."""
    named = (schema for pattern, schema in PATTERNS.items() if pattern.fullmatch(subject))
    return next(named, None) or SCHEMAS.get(subject)


SCHEMAS = {
    subject(TRADES): "trade",
    subject(QUOTES): "quote",
    subject(BOOKS): "book_update",
    subject(DEPTH): "book_depth",
    subject(BOOKS_REJECTED): "rejected_trade",
    subject(QUOTES_REJECTED): "rejected_trade",
    subject(QUOTED): "quoted_trade",
    subject(QUOTED_REJECTED): "rejected_trade",
    subject(REJECTED): "rejected_trade",
    subject(REPLAYED): "replayed_trade",
    subject(LATE): "late_trades",
    subject(EXPIRED): "late_trades",
    subject(EVENTS): "quality_event",
    subject(QUALITY): "quality",
    subject(BARS_LATE): "late_trades",
    **{subject(bars(kind)): "bar" for kind in BAR_KINDS},
    subject(MARKET_STATUS): "market_status",
    subject(SIGNALS): "signal",
    subject(SIGNALS_REJECTED): "rejected_trade",
    subject(ENRICHED): "enriched_trade",
    **{subject(candles(session)): "candle" for session in SESSIONS},
}
LENGTH = r"[0-9]+[a-z]+"


def _pattern(topic: str, length: str) -> "re.Pattern[str]":
    return re.compile(re.escape(subject(topic)).replace(r"\?", length))


PATTERNS = {
    _pattern(candles("?"), rf"{LENGTH}(\.updating|\.every\.{LENGTH})?"): "candle",
    _pattern(quote_candles("?"), LENGTH): "quote_candle",
    _pattern(order_flow("?"), LENGTH): "order_flow",
}
