"""What candles of quotes must say, by hand."""

from decimal import Decimal

from services.oracle import SECOND_NS, CandleKey
from services.quote_oracle import ExpectedQuoteCandle, expected_quote_candles
from tests.services.tape import quote

HALF = SECOND_NS // 2


def test_the_best_of_all_venues_and_the_spread_weighted_by_time() -> None:
    quotes = [quote(0, "9", "11"), quote(HALF, "10", "12", venue="W"), quote(5 * HALF, None, "10", venue="W")]
    found = expected_quote_candles(quotes, ["1s"])
    first, second = (found[CandleKey("A", "1s", at * SECOND_NS)] for at in (0, 2))
    assert len(found) == 2
    assert first == ExpectedQuoteCandle(
        window_end=SECOND_NS,
        bid=(Decimal(9), Decimal(10), Decimal(9), Decimal(10)),
        ask=(Decimal(11),) * 4,
        mid=(Decimal(10), Decimal("10.5"), Decimal(10), Decimal("10.5")),
        spread=Decimal("1.5"),
        quoted_ns=SECOND_NS,
        locked_ns=0,
        crossed_ns=0,
        quote_count=2,
        venue_count=2,
    )
    assert (second.spread, second.quoted_ns) == (Decimal(1), SECOND_NS), "what held before it counts from its start"


def test_locked_crossed_and_one_sided_times() -> None:
    quotes = [quote(0, "10", "10"), quote(HALF // 2, "11", "10"), quote(HALF, None, "10")]
    (found,) = expected_quote_candles(quotes, ["1s"]).values()
    assert (found.quoted_ns, found.locked_ns, found.crossed_ns) == (HALF, HALF // 2, HALF // 2)
    assert found.spread == Decimal("-0.5")
    assert found.bid == tuple(map(Decimal, (10, 11, 10, 11)))
