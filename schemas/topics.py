"""Names of topics and subjects: `md.<dataset>.v<major>`, and `<topic>-value`."""

from collections.abc import Sequence

TRADES = "md.trades.v1"
REJECTED = "md.trades.rejected.v1"
LATE = "md.late.v1"


def candles(resolution: str) -> str:
    """Topic of the candles of a resolution, such as `md.candles.1m.v1`."""
    return f"md.candles.{resolution}.v1"


def subject(topic: str) -> str:
    """Registry subject of a topic's values."""
    return f"{topic}-value"


def subjects(resolutions: Sequence[str]) -> dict[str, str]:
    """Every subject and the name of its schema; candles have a subject a resolution."""
    fixed = {TRADES: "trade", REJECTED: "rejected_trade", LATE: "late_trades"}
    topics = fixed | {candles(resolution): "candle" for resolution in resolutions}
    return {subject(topic): name for topic, name in topics.items()}
