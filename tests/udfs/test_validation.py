"""The rules as Python applies them: the table that the JVM core is held to as well, and what holds for any trade."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.models import Trade
from tests.udfs.rule_cases import AT, CASES, Case, rules_text
from udfs import rules
from udfs.rules import Range, Rules
from udfs.validation import judge

AMOUNTS = st.decimals(min_value=-(10**17), max_value=10**17, places=12, allow_nan=False, allow_infinity=False)


def trade(symbol: str = "A", price: Any = 1, **fields: Any) -> Trade:
    return Trade(symbol=symbol, ts_event=AT, price=price, size=Decimal(1), **fields)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Rules:
    file = tmp_path_factory.mktemp("rules") / "rules.toml"
    file.write_text(rules_text())
    return rules.load(file)


@pytest.mark.parametrize("case", CASES, ids=[case.says for case in CASES])
def test_a_trade_is_reported_by_the_rule_it_breaks(strict: Rules, case: Case) -> None:
    found = judge(strict, case.trade(), case.ts_kafka)
    assert (found and (found.rule, found.severity)) == case.expected


def test_the_reason_says_what_must_be_and_what_was(strict: Rules) -> None:
    reasons = {case.says: judge(strict, case.trade(), case.ts_kafka) for case in CASES}

    def reason(says: str) -> str:
        found = reasons[says]
        assert found
        return found.reason

    assert reason("price 0") == "price: must be above 0, was 0.000000000000"
    assert reason("a spread below its own bound") == "price: must be at least -1.5, was -1.500000000001"
    assert reason("another condition") == "conditions: 'T' is not one of those allowed"
    assert reason("no venue where one is required") == "venue: missing or empty"
    assert reason("too old") == "ts_event: 2023-11-14 22:13:20+00:00 is too long before the Kafka timestamp"


@given(price=AMOUNTS, above=AMOUNTS, at_most=AMOUNTS)
def test_a_range_rejects_exactly_what_is_outside(price: Decimal, above: Decimal, at_most: Decimal) -> None:
    rule = Range(name="r", kind="range", severity="reject", field="price", above=above, at_most=at_most)
    found = judge(Rules(version=1, rules=(rule,)), trade(price=price))
    assert (found is None) == (above < price <= at_most)


@given(
    severities=st.lists(st.sampled_from(["reject", "flag", "off"]), min_size=1, max_size=6),
    prefixes=st.lists(st.sampled_from(["*", "A*", "AB*", "B*", "?", "??", "*B"]), min_size=6, max_size=6),
    symbol=st.text("AB", min_size=1, max_size=3),
)
def test_of_the_rules_of_one_name_the_last_for_the_symbol_applies(
    severities: list[str], prefixes: list[str], symbol: str
) -> None:
    named = [
        {"name": "r", "kind": "required", "field": "venue", "severity": severity, "symbols": [prefix]}
        for severity, prefix in zip(severities, prefixes, strict=False)
    ]
    found = judge(Rules.model_validate({"version": 1, "rules": named}), trade(symbol))
    matching = {"*": True, "A*": symbol[0] == "A", "AB*": symbol[:2] == "AB", "B*": symbol[0] == "B",
                "?": len(symbol) == 1, "??": len(symbol) == 2, "*B": symbol[-1] == "B"}  # fmt: skip
    last = [severity for severity, prefix in zip(severities, prefixes, strict=False) if matching[prefix]][-1:]
    assert (found.severity if found else "off") == (last[0] if last else "off")


def test_the_rules_that_come_with_tickloom_ask_for_a_price_above_0_and_a_time_that_is_not_far_ahead() -> None:
    defaults = rules.load()
    assert [rule.name for rule in defaults.of("A")] == ["future", "price"]

    def rule_of(price: str, ts_recv: int) -> str | None:
        found = judge(defaults, trade(price=price, ts_recv=ts_recv))
        return found and found.rule

    five_minutes = 300 * 10**9
    assert rule_of("1", AT - five_minutes) is None
    assert rule_of("1", AT - five_minutes - 1) == "future"
    assert rule_of("0", AT) == "price"
    assert rule_of("1", AT + 10**18) is None


def test_the_example_in_the_rules_file_lets_a_spread_trade_below_0(tmp_path: Path) -> None:
    lines = rules.DEFAULTS.read_text().splitlines()
    start = lines.index("# Spreads and some energy futures trade at prices below 0:") + 2
    example = [line.removeprefix("# ") for line in lines[start : start + 6]]
    (tmp_path / "rules.toml").write_text("\n".join([*lines, *example]))
    spread = trade("CL-1-SPREAD", price=-1)
    assert judge(rules.load(), spread) is not None
    assert judge(rules.load(tmp_path / "rules.toml"), spread) is None
