"""Short tapes of trades, drawn: out of order, late, copied or no trades at all, and what they should become."""

import random

from tests.faults.model.dataflow import WINDOWS, Record, Window

PARTITIONS = 2
RECORDS = 8
END = 84
"""Ticks after which the last record of each partition closes every window before."""

STEPS = (0, 0, 1, 2, 3, 5)
DELAYS = (0, 0, 0, 1, 2, 4, 9)
KINDS = ("trade", "trade", "trade", "trade", "trade", "copy", "no trade")


def draw(dice: random.Random) -> list[list[Record]]:
    """Partitions of records. A copy repeats an earlier trade, in any partition."""
    partitions: list[list[Record]] = [[] for _ in range(PARTITIONS)]
    trades: list[Record] = []
    places, symbols = dice.choices(range(PARTITIONS), k=RECORDS), dice.choices((0, 1), k=RECORDS)
    clock, steps, delays = 12, dice.choices(STEPS, k=RECORDS), dice.choices(DELAYS, k=RECORDS)
    for origin, kind in enumerate(dice.choices(KINDS, k=RECORDS)):
        clock += steps[origin]
        record = Record(clock - delays[origin], symbols[origin], 0 if kind == "no trade" else 1 << origin, origin)
        if kind == "copy" and trades:
            record = dice.choice(trades)._replace(origin=origin)
        if record.size:
            trades.append(record)
        partitions[places[origin]].append(record)
    for origin, partition in enumerate(partitions, RECORDS):
        partition.append(Record(END, 0, 1 << origin, origin))
    return partitions


def fold(partitions: list[list[Record]]) -> dict[Window, int]:
    """The volume of every window before the end."""
    volumes: dict[Window, int] = {}
    for partition in partitions:
        for record in partition[:-1]:
            for topic, length in WINDOWS if record.size else ():
                window = (topic, record.symbol, record.time - record.time % length)
                volumes[window] = volumes.get(window, 0) | record.size
    return volumes
