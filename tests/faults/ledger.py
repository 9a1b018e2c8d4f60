"""The books of a batch: everything that was sent, everything a reader of committed records was shown, and whether the
one follows from the other.

What must hold at every moment is checked with every record: uniqueness, revisions, the watermark. What must hold for a
closed period is checked once its windows are settled: conservation, equality with the oracle, agreement of the sinks.
"""

import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from schemas import topics
from services.oracle import RESOLUTIONS_NS, SECOND_NS, CandleKey, expected_candles
from services.records import TradeRecord
from services.verdict import compare
from tests.faults.feed import Sent

PERIOD = "5m"
"""What is compared with the oracle at a time."""
PERIOD_NS = RESOLUTIONS_NS[PERIOD]
GRACE_NS = 60 * SECOND_NS
"""How long after its end a period is compared: no trade comes so late."""
END_OF_TIME_NS = 2**63 - 1
SHOWN = 3

Place = tuple[int, int]
"""(partition, offset) in the trades topic."""


class Ledger:
    """Takes in what is sent and what is read, from any thread. `violations` are those found at once."""

    def __init__(self, resolutions: Iterable[str]) -> None:
        self.violations: list[str] = []
        self.latest_ns = 0
        self._resolutions = tuple(resolutions)
        self._due: Counter[CandleKey] = Counter()
        self._poison = set[Place]()
        self._seen = set[tuple[CandleKey, int]]()
        self._late = defaultdict[int, set[CandleKey]](set)
        self._tape = defaultdict[int, list[TradeRecord]](list)
        self._candles = defaultdict[int, list[Mapping[str, Any]]](list)
        self._ended = False
        self._lock = threading.Lock()

    def send(self, messages: Iterable[Sent]) -> None:
        """Take in what was sent."""
        with self._lock:
            for each in messages:
                if each.trade is None:
                    self._poison.add((each.partition, each.offset))
                else:
                    self._add_trade(each.trade)

    def end(self) -> None:
        """From now on the last windows close, wherever the feed has come to."""
        self._ended = True

    def read(self, topic: str, record: Mapping[str, Any]) -> None:
        """Take in a record that a reader was shown."""
        with self._lock:
            if topic == topics.REJECTED:
                self._read_rejected((record["partition"], record["offset"]), record["rule"])
            elif topic == topics.LATE:
                self._read_late(record)
            else:
                self._read_candle(record)

    def settled(self, until_ns: int) -> bool:
        """Whether every trade of the windows that end until then is accounted for, and every poison rejected."""
        with self._lock:
            return not self._poison and not any(_end(key) <= until_ns for key in self._due)

    def unsettled(self, until_ns: int) -> str:
        """What `settled` waits for, in words."""
        with self._lock:
            keys = sorted(key for key in self._due if _end(key) <= until_ns)
            missing = Counter(key.resolution for key in keys)
            return f"{dict(missing)} windows and {len(self._poison)} rejects, first {keys[:SHOWN]}"

    def check(self, until_ns: int) -> list[str]:
        """What is wrong with the periods that have ended by then; each is checked once, and forgotten."""
        with self._lock:
            starts = sorted(self._tape.keys() | self._candles.keys())
            ended = [start for start in starts if start + PERIOD_NS + GRACE_NS <= until_ns]
            return [found for start in ended for found in self._check_period(start)]

    def _add_trade(self, trade: TradeRecord) -> None:
        self.latest_ns = max(self.latest_ns, trade["ts_event"])
        self._tape[_floor(trade["ts_event"], PERIOD_NS)].append(trade)
        for key in self._keys(trade["symbol"], trade["ts_event"]):
            self._account(key, 1)

    def _read_candle(self, candle: Mapping[str, Any]) -> None:
        key = CandleKey.of(candle)
        if (key, candle["revision"]) in self._seen:
            self.violations.append(f"uniqueness: {key} revision {candle['revision']} was read twice")
        if candle["revision"] and (key, candle["revision"] - 1) not in self._seen:
            self.violations.append(f"revisions: {key} revision {candle['revision']} came without the one before")
        if candle["window_end"] > self.latest_ns and not self._ended:
            self.violations.append(f"watermark: {key} was closed when the feed was at {self.latest_ns}")
        self._seen.add((key, candle["revision"]))
        self._candles[_floor(key.window_start, PERIOD_NS)].append(candle)
        self._account(key, -candle["trade_count"] - candle["duplicate_count"])

    def _read_late(self, row: Mapping[str, Any]) -> None:
        for key in self._keys(row["symbol"], row["second"]):
            self._late[_floor(row["second"], PERIOD_NS)].add(key)
            self._account(key, -row["trades"])

    def _read_rejected(self, place: Place, rule: str) -> None:
        if place not in self._poison:
            self.violations.append(f"conservation: {place} was rejected ({rule}) twice, or wrongly")
        self._poison.discard(place)

    def _account(self, key: CandleKey, trades: int) -> None:
        self._due[key] += trades
        if not self._due[key]:
            del self._due[key]
        elif self._due[key] < 0:
            self.violations.append(f"conservation: {key} has {-self._due[key]} trades more than were sent")

    def _keys(self, symbol: str, time_ns: int) -> list[CandleKey]:
        return [CandleKey(symbol, each, _floor(time_ns, RESOLUTIONS_NS[each])) for each in self._resolutions]

    def _check_period(self, start: int) -> list[str]:
        """Candles of windows with late trades account for as many trades as they should; all others are equal."""
        late = self._late.pop(start, set())
        expected = expected_candles(self._tape.pop(start, []), self._resolutions).candles
        candles = self._candles.pop(start, [])
        verdict = compare(
            {key: candle for key, candle in expected.items() if key not in late},
            [each for each in candles if CandleKey.of(each) not in late],
        )
        found = [] if verdict.holds else [f"equality: {verdict.summary()}"]
        trades = _trades(candles)
        if len({trades[each] for each in self._resolutions}) > 1:
            found.append(f"agreement of the sinks: {dict(trades)} trades in the candles from {start} on")
        due = [key for key in self._due if start <= key.window_start < start + PERIOD_NS]
        if due:
            found.append(f"conservation: {len(due)} windows miss trades, first {sorted(due)[:SHOWN]}")
        return found


def _trades(candles: Iterable[Mapping[str, Any]]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for each in candles:
        counted[each["resolution"]] += each["trade_count"] + each["duplicate_count"]
    return counted


def _floor(time_ns: int, length_ns: int) -> int:
    return time_ns - time_ns % length_ns


def _end(key: CandleKey) -> int:
    return key.window_start + RESOLUTIONS_NS[key.resolution]
