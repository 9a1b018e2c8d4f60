"""Tapes for the reconcile job: everything a feed does wrong, in few seconds of two minutes."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.services.tape import trade
from udfs import conditions
from udfs.recompute import SECOND_NS

START = 1_700_000_040 * SECOND_NS
"""On a minute, and 1 min 20 s before a quarter of an hour ends."""
CONDITIONS = Path(__file__).with_name("conditions.toml")
"""The sale conditions that a job on these tapes is to know."""
RULES = conditions.load(CONDITIONS)


def at(second: float, **fields: Any) -> Any:
    return trade(START + int(second * SECOND_NS), **fields)


def cancel(original: Mapping[str, Any]) -> Any:
    return {**original, "action": "cancel", "trade_id": None} | _naming(original)


def correct(original: Mapping[str, Any], **changed: Any) -> Any:
    return {**original, "action": "correct"} | _naming(original) | changed


def _naming(original: Mapping[str, Any]) -> dict[str, Any]:
    return {"original_trade_id": original["trade_id"], "original_ts_event": original["ts_event"]}


# Any tape: trades in few seconds of two minutes, copies, busts, corrections, any order, one or two partitions.

SPAN = st.sampled_from([0, 0.5, 1, 3, 59, 60, 61, 79, 80, 100])
TRADES = st.builds(
    lambda second, price, number, venue, told: at(second, price=price, trade_id=number, venue=venue, conditions=told),
    SPAN,
    st.sampled_from(["1", "2", "3.5", "0.000000000001"]),
    st.none() | st.sampled_from(["1", "2", "3"]),
    st.sampled_from([None, "X"]),
    st.lists(st.sampled_from(sorted(RULES.sets[0].known)), max_size=2),
)


@st.composite
def tapes(draw: st.DrawFn) -> list[tuple[Any, int, bool]]:
    """(message, partition, reconcile after it) in the order of arrival. A trade of an id is always the same one."""
    known: dict[Any, Any] = {}
    tape = []
    for drawn in draw(st.lists(TRADES, min_size=1, max_size=14)):
        identity = (drawn["venue"], drawn["trade_id"])
        record = known.setdefault(identity, drawn) if drawn["trade_id"] else drawn
        kind = draw(st.sampled_from(["new", "new", "new", "cancel", "correct"])) if drawn["trade_id"] else "new"
        if kind == "cancel":
            record = cancel(record)
        elif kind == "correct":
            told = draw(st.lists(st.sampled_from(["if first", "no price", "extended"]), max_size=1))
            record = correct(record, price=Decimal(draw(st.integers(1, 5))), conditions=told)
        tape.append((record, draw(st.integers(0, 1)), draw(st.booleans())))
    return tape
