"""What the job is fed: an endless tape drawn from a seed, sent at a steady rate while faults happen."""

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import count
from typing import NamedTuple

from services.oracle import SECOND_NS
from services.records import TradeRecord
from tests.integration.candle_job import Feed
from tests.services.tape import trade

RATE_HZ = 200
STEP_NS = 200_000_000
"""A trade to the next: event time runs forty times as fast as the clock, so that minutes close all along."""
PAST_NS = 20 * 3_600 * SECOND_NS
"""How long ago the tape begins. A broker that starts again forgets producers whose last record is a day old by its
timestamp (`producer.id.expiration.ms`): then it takes a batch again that was sent again."""
ALIGNED_NS = 300 * SECOND_NS
SYMBOLS = 8
PARTITIONS = 2
DISORDER_NS = SECOND_NS
COPY_EVERY = 50
LATE_EVERY = 1_000
LATE_NS = range(10 * SECOND_NS, 30 * SECOND_NS)
POISON = 300
WITHIN_NS = 200 * SECOND_NS
BEYOND_NS = 400 * SECOND_NS
"""How far a clock jumps: less and more than what the rule `future` allows."""


class Sent(NamedTuple):
    """A message of the feed; `trade` is None where it must be rejected."""

    partition: int
    offset: int
    trade: TradeRecord | None


def start_ns() -> int:
    """When a tape may begin: a full five minutes."""
    return (time.time_ns() - PAST_NS) // ALIGNED_NS * ALIGNED_NS


def tape(seed: int, symbol: Callable[[str], str], start_ns: int) -> Iterator[TradeRecord]:
    """Trades up to a second out of order; some are copies of a recent one, some come after their candle."""
    dice = random.Random(seed)
    recent: deque[TradeRecord] = deque(maxlen=3)
    for number in count():
        if number % COPY_EVERY == COPY_EVERY - 1:
            yield dice.choice(recent)
            continue
        late_ns = dice.choice(LATE_NS) if number % LATE_EVERY == LATE_EVERY - 1 else 0
        ts_event = start_ns + number * STEP_NS + dice.randrange(DISORDER_NS) - late_ns
        price = Decimal(dice.randint(1, 10**9)).scaleb(-6)
        size = Decimal(dice.randint(1, 10**15)).scaleb(-12)
        fields = {"symbol": symbol(str(dice.randrange(SYMBOLS))), "venue": "X", "trade_id": str(number)}
        recent.append(trade(ts_event, str(price), str(size), **fields))
        yield recent[-1]


class Feeder(threading.Thread):
    """Sends the tape of a seed until it is ended. Faults of the feed itself are asked of it.

    `sent` only grows; `time_ns` is the event time that every partition has about reached.
    """

    def __init__(self, feed: Feed, seed: int) -> None:
        super().__init__(name="feeder", daemon=True)
        self.sent: list[Sent] = []
        self._start_ns = self.time_ns = self.latest_ns = start_ns()
        self._feed, self._tape = feed, tape(seed, feed.symbol, self._start_ns)
        self._asked: deque[Callable[[], None]] = deque()
        self._ended = threading.Event()

    def run(self) -> None:
        began = time.monotonic()
        for number, each in enumerate(self._tape):
            if self._ended.is_set():
                break
            while self._asked:
                self._asked.popleft()()
            self._send(each, each["ts_event"])
            self.time_ns = self._start_ns + number * STEP_NS
            time.sleep(max(0.0, began + number / RATE_HZ - time.monotonic()))
        self._feed.flush()

    def end(self) -> None:
        """Send no more, and wait until the broker has everything."""
        self._ended.set()
        self.join()

    def flood(self) -> None:
        """Send a flood of messages that are no trades."""
        self._asked.append(self._flood)

    def jump(self, ahead_ns: int) -> None:
        """Send one trade from the future, received now."""
        self._asked.append(lambda: self._jump(ahead_ns))

    def _flood(self) -> None:
        dice = random.Random(len(self.sent))
        for number in range(POISON):
            partition, noise = number % PARTITIONS, dice.randbytes(dice.randint(1, 200))
            value = (None, b"", b"\1" + noise, b"\0\0\0\0\1" + noise[:3])[number % 4]
            self._note(partition, None, self._feed.send_bytes(partition, value))

    def _jump(self, ahead_ns: int) -> None:
        now_ns = self.time_ns
        each = trade(now_ns + ahead_ns, symbol=self._feed.symbol("0"), venue="X", trade_id=f"jump {now_ns}")
        if ahead_ns == BEYOND_NS:
            value, key = self._feed.encoder.encode(each), each["symbol"].encode()
            self._note(0, None, self._feed.send_bytes(0, value, now_ns // 10**6, key))
        else:
            self._send(each, now_ns)

    def _send(self, each: TradeRecord, received_ns: int) -> None:
        partition = int(each["symbol"].rpartition("-")[2]) % PARTITIONS
        self.latest_ns = max(self.latest_ns, each["ts_event"])
        value, key = self._feed.encoder.encode(each), each["symbol"].encode()
        place = self._feed.ends[partition], partition
        self._note(partition, each, place)  # before it is sent, lest its candle be seen first
        self._feed.send_bytes(partition, value, received_ns // 10**6, key)

    def _note(self, partition: int, each: TradeRecord | None, place: tuple[int, int]) -> None:
        self.sent.append(Sent(partition, place[0], each))
