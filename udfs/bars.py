"""Activity bars: trades of one symbol sampled by what happens instead of by the clock. The pure reference.

Definitions: M. López de Prado, Advances in Financial Machine Learning (2018), chapter 2.3. Of a bar's trades
t = 1 … T, x_t is 1 (tick), the size (volume) or price * size (dollar). The tick rule signs them: b_t is the sign of
the last price change, carried from bar to bar (0 before a symbol's first). A bar ends with the first trade at which
theta >= threshold:

    kind         theta                                  threshold
    standard     sum x_t                                size
    imbalance    |sum b_t x_t|                          E[T] |E[b x]|
    run          max(sum x_t of b_t = 1, of b_t = -1)   E[T] max(P E[x | b = 1], (1 - P) E[x | b = -1])

E[T] and P (share of trades with b = 1) are exponentially weighted means over prior bars, E[b x] and E[x | b] over
the trades of prior bars; a threshold holds from a bar's first trade to its last. The book names no beginning: the
first `size` trades give the first expectations, with E[T] = size and P their own share, and the bar ends by the rule
from there on. E[T] can be kept within bounds: without them a quiet stretch may shrink bars to single trades for good.

Arithmetic: sums and products are exact decimals. Quotients are rounded half to even at 24 places and thresholds at 12,
so that every machine and language finds the same bars, and a theta that reaches its threshold exactly does so in spite
of the quotients. `udfs/jvm/tickloom/BarSampler.java` is the same for jobs.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import NamedTuple

from udfs.bar_spec import BarSpec, Spans
from udfs.tick_order import Tick, in_order

EXACT = Context(prec=200, rounding=ROUND_HALF_EVEN)
"""Nothing here has so many digits: only what is quantized is rounded."""
QUOTIENT_PLACES = Decimal("1e-24")
PLACES = Decimal("1e-12")


class Bar(NamedTuple):
    """A finished bar under the names of schemas/bar.avsc."""

    number: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    vwap: Decimal
    notional: Decimal
    buy_volume: Decimal
    trade_count: int
    buy_count: int
    sell_count: int
    duplicate_count: int
    first_ts_event: int
    last_ts_event: int
    theta: Decimal
    threshold: Decimal


def bars(ticks: Iterable[Tick], spec: BarSpec, spans: Spans) -> tuple[list[Bar], "Sampler"]:
    """The bars of one symbol's trades, given in any order, and the sampler that holds the open one."""
    sampler = Sampler(spec, spans)
    with localcontext(EXACT):
        finished = [bar for tick, is_copy in in_order(ticks) for bar in sampler.take(tick, is_copy)]
    return finished, sampler


def quotient(dividend: Decimal, divisor: Decimal | int) -> Decimal:
    """Rounded half to even at 24 places."""
    return EXACT.quantize(EXACT.divide(dividend, divisor), QUOTIENT_PLACES)


class Ewma:
    """Exponentially weighted mean: weights (1 - a)^i with a = 2 / (span + 1), normalised from the first value on."""

    def __init__(self, span: int) -> None:
        self.span = span
        self.total = self.weight = Decimal(0)

    def add(self, value: Decimal | int) -> None:
        """Take in the next value."""
        self.total = quotient(self.total * (self.span - 1), self.span + 1) + value
        self.weight = quotient(self.weight * (self.span - 1), self.span + 1) + 1

    def mean(self) -> Decimal:
        """The mean of the values so far, 0 of none."""
        return quotient(self.total, self.weight) if self.weight else Decimal(0)


@dataclass
class Sums:
    """What adds up over the trades of the open bar; buys and sells are x by sign."""

    prices: list[Decimal] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    volume: Decimal = Decimal(0)
    notional: Decimal = Decimal(0)
    buy_volume: Decimal = Decimal(0)
    buys: Decimal = Decimal(0)
    sells: Decimal = Decimal(0)
    buy_count: int = 0
    sell_count: int = 0
    duplicate_count: int = 0

    @property
    def trade_count(self) -> int:
        """Trades so far."""
        return len(self.prices)


class Sampler:
    """Takes the trades of a symbol in order and gives the bars; `sums` is the open one."""

    def __init__(self, spec: BarSpec, spans: Spans) -> None:
        self.spec = spec
        self.number = 0
        self.sums = Sums()
        self.sign = 0
        self.price: Decimal | None = None
        self.threshold = None if spec.rule else spec.size
        self.bar_trades, self.buy_share = Ewma(spans.bars), Ewma(spans.bars)
        self.flow, self.buy, self.sell = Ewma(spans.ticks), Ewma(spans.ticks), Ewma(spans.ticks)

    def take(self, tick: Tick, is_copy: bool) -> Iterator[Bar]:
        """Take the next trade and give the bar that ends with it, if one does."""
        if is_copy:
            self.sums.duplicate_count += 1
            return
        self._sign(tick.price)
        self._add(tick)
        if self.threshold is None and self.sums.trade_count >= self.spec.size:
            buy_share = quotient(Decimal(self.sums.buy_count), self.sums.trade_count)
            self.threshold = self._expected(self.spec.size, buy_share)
        if self.threshold is not None and self.theta() >= self.threshold:
            yield self._finish(self.threshold)

    def theta(self) -> Decimal:
        """The activity of the open bar."""
        match self.spec.rule:
            case "imbalance":
                return abs(self.sums.buys - self.sums.sells)
            case "run":
                return max(self.sums.buys, self.sums.sells)
        return {"tick": Decimal(self.sums.trade_count), "volume": self.sums.volume}.get(
            self.spec.unit, self.sums.notional
        )

    def _sign(self, price: Decimal) -> None:
        if self.price is not None and price != self.price:
            self.sign = 1 if price > self.price else -1
        self.price = price

    def _add(self, tick: Tick) -> None:
        sums, notional = self.sums, tick.price * tick.size
        sums.prices.append(tick.price)
        sums.times.append(tick.ts_event)
        sums.volume += tick.size
        sums.notional += notional
        activity = {"tick": Decimal(1), "volume": tick.size}.get(self.spec.unit, notional)
        if self.sign > 0:
            sums.buy_count += 1
            sums.buy_volume += tick.size
            sums.buys += activity
        elif self.sign < 0:
            sums.sell_count += 1
            sums.sells += activity
        self._expect(activity)

    def _expect(self, activity: Decimal) -> None:
        if self.spec.rule == "imbalance":
            self.flow.add(self.sign * activity)
        elif self.spec.rule == "run" and self.sign:
            (self.buy if self.sign > 0 else self.sell).add(activity)

    def _expected(self, trades: Decimal, buy_share: Decimal) -> Decimal:
        bounded = min(max(trades, self.spec.trades_min), self.spec.trades_max)
        if self.spec.rule == "imbalance":
            return (bounded * abs(self.flow.mean())).quantize(PLACES)
        return (bounded * max(buy_share * self.buy.mean(), (1 - buy_share) * self.sell.mean())).quantize(PLACES)

    def _finish(self, threshold: Decimal) -> Bar:
        sums = self.sums
        bar = Bar(
            self.number,
            sums.prices[0],
            max(sums.prices),
            min(sums.prices),
            sums.prices[-1],
            sums.volume,
            (sums.notional / sums.volume).quantize(PLACES),
            sums.notional,
            sums.buy_volume,
            sums.trade_count,
            sums.buy_count,
            sums.sell_count,
            sums.duplicate_count,
            sums.times[0],
            sums.times[-1],
            self.theta(),
            threshold,
        )
        self.number += 1
        self.sums = Sums()
        if self.spec.rule:
            self.bar_trades.add(bar.trade_count)
            self.buy_share.add(quotient(Decimal(bar.buy_count), bar.trade_count))
            self.threshold = self._expected(self.bar_trades.mean(), self.buy_share.mean())
        return bar
