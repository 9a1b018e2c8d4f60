"""Judges a trade by the rules, as the JVM core does; what a person mends is judged here before it is sent again.

Both are held to the same table of cases by the tests. A price band is not judged here: only the running job knows the
last good price.
"""

from decimal import Decimal
from typing import NamedTuple

from schemas.models import Trade
from udfs.rules import Allowed, Future, Range, Required, Rule, Rules, Stale, matches

TEXT_BYTES_MAX = 256
SIZE_LIMIT = Decimal(10) ** 18
MILLISECOND_NS = 1_000_000
TEXTS = ("venue", "trade_id", "original_trade_id")


class Finding(NamedTuple):
    """The rule that rejected a trade, or else the first that flagged it, and why."""

    rule: str
    severity: str
    reason: str


def judge(rules: Rules, trade: Trade, ts_kafka: int | None = None) -> Finding | None:
    """What is wrong with a trade that has this Kafka timestamp (nanoseconds), None for a trade that is good."""
    broken = _limits(trade)
    if broken is not None:
        return Finding(broken[0], "reject", broken[1])
    findings = [
        Finding(rule.name, rule.severity, reason)
        for rule in rules.of(trade.symbol)
        if (reason := _broken(rule, trade, ts_kafka)) is not None
    ]
    return next((found for found in findings if found.severity == "reject"), next(iter(findings), None))


def _limits(trade: Trade) -> tuple[str, str] | None:
    """What no rule switches off."""
    if not trade.symbol:
        return "symbol", "symbol: missing or empty"
    if "\0" in trade.symbol:
        return "symbol", "symbol: has a NUL, which no database takes"
    for field in ("symbol", *TEXTS):
        if len((getattr(trade, field) or "").encode()) > TEXT_BYTES_MAX:
            return field, f"{field}: longer than {TEXT_BYTES_MAX} bytes"
    if trade.ts_event <= 0:
        return "ts_event", f"ts_event: must be after 1970, was {trade.ts_event} ns"
    return _limits_of_action(trade)


def _limits_of_action(trade: Trade) -> tuple[str, str] | None:
    if trade.action != "new" and not trade.original_trade_id:
        return "original", "original_trade_id: a cancel or correction must name the trade it refers to"
    if trade.action != "new" and (trade.original_ts_event is None or trade.original_ts_event <= 0):
        return "original", "original_ts_event: a cancel or correction must name the time of its trade"
    if trade.action != "cancel" and trade.size <= 0:
        return "size", f"size: must be above 0, was {trade.size:f}"
    if trade.action != "cancel" and trade.size >= SIZE_LIMIT:
        return "size", f"size: must be below 10^18, was {trade.size:f}"
    return None


def _broken(rule: Rule, trade: Trade, ts_kafka: int | None) -> str | None:
    match rule:
        case Required():
            value = getattr(trade, rule.field)
            return f"{rule.field}: missing or empty" if value is None or value in ("", ()) else None
        case Range():
            return _out_of_range(rule, trade)
        case Allowed():
            return _not_allowed(rule, trade)
        case Future():
            return _ahead(rule, trade, ts_kafka)
        case Stale():
            return _behind(rule, trade, ts_kafka)
    return None


def _out_of_range(rule: Range, trade: Trade) -> str | None:
    amount: Decimal = getattr(trade, rule.field)
    bounds = (
        ("above", rule.above, rule.above is None or amount > rule.above),
        ("at least", rule.at_least, rule.at_least is None or amount >= rule.at_least),
        ("below", rule.below, rule.below is None or amount < rule.below),
        ("at most", rule.at_most, rule.at_most is None or amount <= rule.at_most),
    )
    for side, bound, is_kept in bounds:
        if not is_kept and trade.action != "cancel":  # a cancel stands for the original's, whatever it says
            return f"{rule.field}: must be {side} {_plain(bound)}, was {amount:f}"
    return None


def _plain(bound: Decimal | None) -> str:
    text = f"{bound or Decimal(0):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _not_allowed(rule: Allowed, trade: Trade) -> str | None:
    value = getattr(trade, rule.field)
    if rule.field == "symbol":
        wrong = [] if matches(rule.values, trade.symbol) else [trade.symbol]
    else:
        present = value if isinstance(value, tuple) else () if value is None else (value,)
        wrong = [each for each in present if each not in rule.values]
    return f"{rule.field}: '{wrong[0]}' is not one of those allowed" if wrong else None


def _ahead(rule: Future, trade: Trade, ts_kafka: int | None) -> str | None:
    for name, reference in _references(trade, ts_kafka):
        if reference < 0 or trade.ts_event - reference > rule.ahead_ms_max * MILLISECOND_NS:
            return f"ts_event: {trade.event_time} is too far ahead of {name}"
    return None


def _behind(rule: Stale, trade: Trade, ts_kafka: int | None) -> str | None:
    for name, reference in _references(trade, ts_kafka):
        if reference - trade.ts_event > rule.age_ms_max * MILLISECOND_NS:
            return f"ts_event: {trade.event_time} is too long before {name}"
    return None


def _references(trade: Trade, ts_kafka: int | None) -> list[tuple[str, int]]:
    received = [("ts_recv", trade.ts_recv)] if trade.ts_recv is not None else []
    return received + ([("the Kafka timestamp", ts_kafka)] if ts_kafka is not None and ts_kafka > 0 else [])
