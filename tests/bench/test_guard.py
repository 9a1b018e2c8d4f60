"""The candle job beside stock Flink SQL, in short: a change that makes it dear is seen before it lands.

CPU seconds are compared, and those of the JIT compiler left out, so that a busy machine is no reason to fail.
"""

import pytest

from bench.cluster import fresh_stack
from bench.contest import Contest
from bench.tape import Tape

TRADES = 6_000_000
RATIO_LEAST = 2
"""3 with a tape so short and a machine so busy, 3.9 with a longer one on a quiet machine."""


@pytest.mark.integration
@pytest.mark.thorough
def test_a_trade_costs_less_than_half_of_what_it_costs_stock_flink_sql(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JDK_JAVA_OPTIONS")  # here the second compiler pays
    with fresh_stack(False, lambda part, seconds: None) as stack:
        contest = Contest(stack, Tape(TRADES, symbols=500))
        contest.prepare(["tickloom", "stock"], lambda written: None)
        ours, stock = contest.run("tickloom"), contest.run("stock")
    assert ours.right
    assert stock.right
    assert ours.second_half.per_cpu_second_compiled > RATIO_LEAST * stock.second_half.per_cpu_second_compiled
