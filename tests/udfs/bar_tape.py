"""A tape that always is the same: prices and sizes are binary fractions, so that float libraries compute it exactly."""

from decimal import Decimal
from random import Random

from udfs.tick_order import Tick

TRADES = 4_000


def tape() -> list[Tick]:
    """Trades a second apart; drifts up and down in long waves, so that buys and sells do not balance."""
    draw, price = Random(20131125), 100_000
    ticks = []
    for number in range(TRADES):
        rising = 0.62 if number // 700 % 2 == 0 else 0.38
        price += draw.choice((0, 1, 2)) * (1 if draw.random() < rising else -1)
        size = Decimal(draw.randrange(1, 1 << 12)) / 1024
        ticks.append(Tick(number * 1_000_000_000, Decimal(price) / 64, size, offset=number))
    return ticks
