"""Names of topics and subjects: `md.<dataset>.v<major>`, and `<topic>-value`."""

TRADES = "md.trades.v1"
REJECTED = "md.trades.rejected.v1"
LATE = "md.late.v1"


def candles(resolution: str) -> str:
    """Topic of the candles of a resolution, such as `md.candles.1m.v1`."""
    return f"md.candles.{resolution}.v1"


def subject(topic: str) -> str:
    """Registry subject of a topic's values."""
    return f"{topic}-value"
