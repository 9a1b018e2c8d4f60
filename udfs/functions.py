"""SQL functions of the JVM core, as catalog functions so that compiled plans can name them."""

from typing import TYPE_CHECKING

from schemas.resolutions import has_extended_hours

if TYPE_CHECKING:
    from pyflink.table import TableEnvironment

JVM_FUNCTIONS = {
    "merge_candles": "tickloom.MergeCandles",
    "merge_days": "tickloom.MergeDays",
    "vwap": "tickloom.Vwap",
    "exact_notional": "tickloom.ExactNotional",
    "contract_notional": "tickloom.ContractNotional",
}
ACCUMULATOR = (
    "ROW<`open` DECIMAL(38, 12), high DECIMAL(38, 12), low DECIMAL(38, 12), `close` DECIMAL(38, 12), "
    "volume DECIMAL(38, 12), notional BYTES, trade_count BIGINT, duplicate_count BIGINT, "
    "first_ts_event BIGINT, last_ts_event BIGINT, covered_from BIGINT, state BYTES>"
)
"""Column type of an accumulator: what flows between resolutions.

`state` is all of it; the others are what a candle shows (notional: unscaled, scale 24; covered_from: ms).
"""


def merge(resolution: str) -> str:
    """The aggregate that makes accumulators of a resolution of shorter ones."""
    return "merge_candles" if has_extended_hours(resolution) else "merge_days"


def register(env: "TableEnvironment") -> None:
    """Create the functions in the current database."""
    for name, java_class in JVM_FUNCTIONS.items():
        env.execute_sql(f"CREATE FUNCTION IF NOT EXISTS {name} AS '{java_class}' LANGUAGE JAVA")
