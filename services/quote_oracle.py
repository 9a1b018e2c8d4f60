"""The independent check of quote candles: every window recomputed from the list of its quotes, in exact fractions.

It shares no code with the job. The quote that holds when a window begins is found by looking for it, never carried.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from typing import Any, NamedTuple, Self

from services.oracle import RESOLUTIONS_NS, CandleKey
from services.records import QuoteRecord

QUANTUM = Decimal("1e-12")


class Best(NamedTuple):
    """The best bid and ask of all venues at an instant."""

    since_ns: int
    bid: Decimal | None
    ask: Decimal | None
    venues: int

    @property
    def spread(self) -> Fraction | None:
        """None where there are not both."""
        return None if self.bid is None or self.ask is None else Fraction(self.ask) - Fraction(self.bid)

    @property
    def mid(self) -> Decimal | None:
        """Rounded half to even."""
        return None if self.bid is None or self.ask is None else rounded((Fraction(self.bid) + Fraction(self.ask)) / 2)


class ExpectedQuoteCandle(NamedTuple):
    """What a quote candle must say, under the names of schemas/quote_candle.avsc; four values a side: open, high, low,
    close.
    """

    window_end: int
    bid: tuple[Decimal, ...] | None
    ask: tuple[Decimal, ...] | None
    mid: tuple[Decimal, ...] | None
    spread: Decimal | None
    quoted_ns: int
    locked_ns: int
    crossed_ns: int
    quote_count: int
    venue_count: int

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """What a committed candle says."""

        def ohlc(side: str) -> tuple[Decimal, ...] | None:
            values = tuple(record[f"{side}_{each}"] for each in ("open", "high", "low", "close"))
            return None if values[0] is None else values

        told = {name: record[name] for name in cls._fields if name in record}
        return cls(**told, bid=ohlc("bid"), ask=ohlc("ask"), mid=ohlc("mid"))


def instrument(quote: QuoteRecord) -> str:
    """What is quoted: the symbol without its venue."""
    return quote["symbol"].removesuffix(f".{quote['venue']}")


def expected_quote_candles(
    quotes: Iterable[QuoteRecord], resolutions: Sequence[str]
) -> dict[CandleKey, ExpectedQuoteCandle]:
    """The candles of quotes, given in the order of the topic; those of one instant are taken in that order."""
    by_instrument = defaultdict[str, list[QuoteRecord]](list)
    for each in quotes:
        by_instrument[instrument(each)].append(each)
    found = {}
    for symbol, own in by_instrument.items():
        bests = best_quotes(own)
        for resolution in resolutions:
            length = RESOLUTIONS_NS[resolution]
            for start in sorted({each.since_ns // length * length for each in bests}):
                found[CandleKey(symbol, resolution, start)] = _candle(bests, start, start + length)
    return found


def best_quotes(quotes: Iterable[QuoteRecord]) -> list[Best]:
    """The best of all venues after each quote."""
    held: dict[str | None, QuoteRecord] = {}
    found = []
    for each in sorted(quotes, key=lambda quote: quote["ts_event"]):
        held[each["venue"]] = each
        bids = [price for other in held.values() if (price := other["bid_price"]) is not None]
        asks = [price for other in held.values() if (price := other["ask_price"]) is not None]
        found.append(Best(each["ts_event"], max(bids, default=None), min(asks, default=None), len(held)))
    return found


def rounded(value: Fraction) -> Decimal:
    """Half to even, at the scale of prices."""
    with localcontext(prec=100):
        scaled = value * 10**12
        floor, rest = divmod(scaled.numerator, scaled.denominator)
        twice = 2 * rest - scaled.denominator
        up = twice > 0 or (twice == 0 and floor % 2 == 1)
        return (Decimal(floor + up) * QUANTUM).quantize(QUANTUM, ROUND_HALF_EVEN)


def _candle(bests: Sequence[Best], start: int, end: int) -> ExpectedQuoteCandle:
    inside = [each for each in bests if start <= each.since_ns < end]
    before = [each for each in bests if each.since_ns < start][-1:]
    quoted = locked = crossed = 0
    area = Fraction(0)
    timeline = [*before, *inside]
    for each, following in zip(timeline, [*timeline[1:], None], strict=True):
        length = (following.since_ns if following else end) - max(each.since_ns, start)
        if each.spread is not None:
            quoted += length
            area += each.spread * length
            locked += length if each.spread == 0 else 0
            crossed += length if each.spread < 0 else 0
    return ExpectedQuoteCandle(
        window_end=end,
        bid=_ohlc([each.bid for each in inside]),
        ask=_ohlc([each.ask for each in inside]),
        mid=_ohlc([each.mid for each in inside]),
        spread=rounded(area / quoted) if quoted else None,
        quoted_ns=quoted,
        locked_ns=locked,
        crossed_ns=crossed,
        quote_count=len(inside),
        venue_count=inside[-1].venues,
    )


def _ohlc(values: Sequence[Decimal | None]) -> tuple[Decimal, ...] | None:
    there = [each for each in values if each is not None]
    return (there[0], max(there), min(there), there[-1]) if there else None
