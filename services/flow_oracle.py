"""The independent check of trades with quotes: every trade looks for its quotes itself, in exact fractions.

It shares no code with the job: nothing is carried from one event to the next but the list of what was quoted.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple, Self

from services.oracle import RESOLUTIONS_NS, CandleKey
from services.quote_oracle import rounded
from services.records import QuoteRecord, TradeRecord


class Side(NamedTuple):
    """A best price, and the units that are told of at it."""

    price: Decimal
    size: Decimal | None


class Best(NamedTuple):
    """The best of all venues from an instant on."""

    since_ns: int
    bid: Side | None
    ask: Side | None

    @property
    def mid(self) -> Fraction | None:
        """None where there are not both."""
        return (Fraction(self.bid.price) + Fraction(self.ask.price)) / 2 if self.bid and self.ask else None


class ExpectedTrade(NamedTuple):
    """What a trade must be joined with, under the names of schemas/quoted_trade.avsc."""

    ts_event: int
    price: Decimal
    size: Decimal
    bid_price: Decimal | None
    bid_size: Decimal | None
    ask_price: Decimal | None
    ask_size: Decimal | None
    quote_ts_event: int | None
    aggressor: str | None
    aggressor_source: str | None
    effective_spread: Decimal | None
    realised_spread: Decimal | None

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """What a committed trade says."""
        return cls(**{name: record[name] for name in cls._fields})


class ExpectedFlow(NamedTuple):
    """What a window must say, under the names of schemas/order_flow.avsc."""

    window_end: int
    trade_count: int
    quote_count: int
    buy_volume: Decimal
    sell_volume: Decimal
    unknown_volume: Decimal
    effective_spread: Decimal | None
    realised_spread: Decimal | None
    order_flow_imbalance: Decimal | None

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """What a committed window says."""
        return cls(**{name: record[name] for name in cls._fields})


def expected_trades(
    trades: Sequence[TradeRecord], quotes: Iterable[QuoteRecord], realised_after_ns: int
) -> list[ExpectedTrade]:
    """The trades of one symbol, in the order of their events, each once; `quotes` likewise."""
    bests = best_quotes(quotes)
    return [_trade(trades[: place + 1], bests, realised_after_ns) for place in range(len(trades))]


def expected_flow(
    symbol: str, trades: Sequence[ExpectedTrade], quotes: Sequence[QuoteRecord], resolutions: Sequence[str]
) -> dict[CandleKey, ExpectedFlow]:
    """The windows of one symbol that have a trade or a quote."""
    bests = best_quotes(quotes)
    found = {}
    for resolution in resolutions:
        length = RESOLUTIONS_NS[resolution]
        windows = defaultdict[int, tuple[list[ExpectedTrade], list[int]]](lambda: ([], []))
        for trade in trades:
            windows[trade.ts_event // length * length][0].append(trade)
        for place, quote in enumerate(bests):
            windows[quote.since_ns // length * length][1].append(place)
        for start, (inside, places) in windows.items():
            found[CandleKey(symbol, resolution, start)] = _flow(start + length, inside, places, bests)
    return found


def best_quotes(quotes: Iterable[QuoteRecord]) -> list[Best]:
    """The best of all venues after each quote."""
    held: dict[str | None, QuoteRecord] = {}
    found = []
    for each in sorted(quotes, key=lambda quote: quote["ts_event"]):
        held[each["venue"]] = each
        bids = [(price, other["bid_size"]) for other in held.values() if (price := other["bid_price"]) is not None]
        asks = [(price, other["ask_size"]) for other in held.values() if (price := other["ask_price"]) is not None]
        bid, ask = _side(bids, max), _side(asks, min)
        found.append(Best(each["ts_event"], bid, ask))
    return found


def _side(levels: Sequence[tuple[Decimal, Decimal | None]], best: Any) -> Side | None:
    if not levels:
        return None
    price = best(level[0] for level in levels)
    told = [size for at, size in levels if at == price and size is not None]
    return Side(price, sum(told, Decimal(0)) if told else None)


def _before(bests: Sequence[Best], at_ns: int) -> Best | None:
    """The quote in force: the last of an earlier instant, since when what it says holds."""
    place = bisect_left(bests, at_ns, key=lambda best: best.since_ns) - 1
    if place < 0:
        return None
    while place > 0 and bests[place - 1][1:] == bests[place][1:]:
        place -= 1
    return bests[place]


def _trade(until: Sequence[TradeRecord], bests: Sequence[Best], realised_after_ns: int) -> ExpectedTrade:
    trade = until[-1]
    quote = _before(bests, trade["ts_event"])
    aggressor, source = _aggressor(until, quote)
    return ExpectedTrade(
        ts_event=trade["ts_event"],
        price=trade["price"],
        size=trade["size"],
        bid_price=quote.bid.price if quote and quote.bid else None,
        bid_size=quote.bid.size if quote and quote.bid else None,
        ask_price=quote.ask.price if quote and quote.ask else None,
        ask_size=quote.ask.size if quote and quote.ask else None,
        quote_ts_event=quote.since_ns if quote else None,
        aggressor=aggressor,
        aggressor_source=source,
        effective_spread=_spread(trade, aggressor, quote),
        realised_spread=_spread(trade, aggressor, _before(bests, trade["ts_event"] + realised_after_ns)),
    )


def _aggressor(until: Sequence[TradeRecord], quote: Best | None) -> tuple[str | None, str | None]:
    trade = until[-1]
    if trade["aggressor"]:
        return trade["aggressor"], "venue"
    if quote and quote.mid is not None and trade["price"] != quote.mid:
        return "buy" if trade["price"] > quote.mid else "sell", "quote"
    other = next((each["price"] for each in reversed(until) if each["price"] != trade["price"]), None)
    return (None, None) if other is None else ("buy" if trade["price"] > other else "sell", "tick")


def _spread(trade: TradeRecord, aggressor: str | None, quote: Best | None) -> Decimal | None:
    if aggressor is None or quote is None or quote.mid is None:
        return None
    distance = 2 * (Fraction(trade["price"]) - quote.mid)
    return rounded(distance if aggressor == "buy" else -distance)


def _flow(end: int, trades: Sequence[ExpectedTrade], places: Sequence[int], bests: Sequence[Best]) -> ExpectedFlow:
    def volume(aggressor: str | None) -> Decimal:
        return sum((trade.size for trade in trades if trade.aggressor == aggressor), Decimal(0))

    changes = [_change(bests[place - 1], bests[place]) for place in places if place > 0]
    return ExpectedFlow(
        window_end=end,
        trade_count=len(trades),
        quote_count=len(places),
        buy_volume=volume("buy"),
        sell_volume=volume("sell"),
        unknown_volume=volume(None),
        effective_spread=_mean([(trade.effective_spread, trade.size) for trade in trades]),
        realised_spread=_mean([(trade.realised_spread, trade.size) for trade in trades]),
        order_flow_imbalance=None if None in changes else sum((each for each in changes if each), Decimal(0)),
    )


def _mean(weighted: Sequence[tuple[Decimal | None, Decimal]]) -> Decimal | None:
    there = [(Fraction(value), Fraction(size)) for value, size in weighted if value is not None]
    size = sum((size for _, size in there), Fraction(0))
    return rounded(sum((value * size for value, size in there), Fraction(0)) / size) if size else None


def _change(before: Best, after: Best) -> Decimal | None:
    """Order flow of a change, as Cont, Kukanov and Stoikov define it; None where a size that counts is not told."""
    if before[1:] == after[1:]:
        return Decimal(0)
    bid = _came(before.bid, after.bid, 1), _came(after.bid, before.bid, 1)
    ask = _came(before.ask, after.ask, -1), _came(after.ask, before.ask, -1)
    if None in bid or None in ask:
        return None
    return (bid[0] or 0) - (bid[1] or 0) - ((ask[0] or 0) - (ask[1] or 0)) + Decimal(0)


def _came(old: Side | None, new: Side | None, up: int) -> Decimal | None:
    """The units of the new side where it is at least as good as the old."""
    if new is None or (old is not None and up * new.price < up * old.price):
        return Decimal(0)
    return new.size
