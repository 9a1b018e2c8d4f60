"""The demo's tape: 100,000 real trades of BTC/USD on Bitstamp, 25 November to 1 December 2013."""

import csv
import zipfile
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path

NANOSECONDS_PER_SECOND = 1_000_000_000
SYMBOL = "BTC-USD.BITSTAMP"
VENUE = "BITSTAMP"
ENTRY = "bitstamp_trades_from_20131125_usd.csv"
HEADER = ("ts_event", "symbol", "venue", "price", "size")


def write_trades(jar: Path, target: Path) -> int:
    """Write the trades inside the ta4j-examples jar as a trades CSV; returns their number.

    The tape has whole seconds, no ids and no sequence: the order of the rows is the order of the trades.
    18 trades have size 0, as on the tape.
    """
    partial = target.with_name(f"{target.name}.partial")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        count = 0
        for row in _rows(jar):
            writer.writerow(row)
            count += 1
    partial.rename(target)
    return count


def _rows(jar: Path) -> Iterator[tuple[int, str, str, str, str]]:
    with zipfile.ZipFile(jar) as archive, archive.open(ENTRY) as entry:
        for trade in csv.DictReader(TextIOWrapper(entry, encoding="utf-8")):
            ts_event = int(trade["timestamp"]) * NANOSECONDS_PER_SECOND
            yield ts_event, SYMBOL, VENUE, trade["price"], trade["amount"]
