"""The newest candle that the API remembers is that of the last window, of that the last revision."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from confluent_kafka import Message

from schemas import topics
from services.api import newest
from services.api.newest import Newest
from services.candle_json import encode
from tests.services.candles import candle

SECONDS, MINUTES = topics.candles("1s"), topics.candles("1m")


@dataclass
class Sent:
    """What is used of a message; its value stands for the record."""

    record: dict[str, Any]
    sent_to: str = SECONDS
    size: int = 100
    decoded: int = field(default=0)

    def topic(self) -> str:
        return self.sent_to

    def key(self) -> bytes:
        return str(self.record["symbol"]).encode()

    def value(self) -> bytes:
        return b"x" * self.size

    def timestamp(self) -> tuple[int, int]:
        return 1, self.record["window_end"] // 1_000_000 - 1


def decode(message: Message) -> dict[str, Any] | None:
    sent = cast("Sent", message)
    sent.decoded += 1
    return sent.record


def took(*sent: Sent) -> Newest:
    found = Newest(decode)
    for each in sent:
        found.take(cast("Message", each))
    return found


@pytest.mark.parametrize(
    ("records", "kept"),
    [
        ([candle(1), candle(2)], candle(2)),
        ([candle(2), candle(2, 1)], candle(2, 1)),
        ([candle(2), candle(1, 1)], candle(2)),
    ],
    ids=["the next window", "a revision of the last window", "a revision of one before"],
)
def test_the_last_window_is_kept_and_of_that_the_last_revision(records: list[Any], kept: dict[str, Any]) -> None:
    assert took(*map(Sent, records)).candle(SECONDS, kept["symbol"]) == encode(kept)


def test_symbols_and_resolutions_are_kept_apart() -> None:
    second, other, minute = candle(1), candle(5, symbol="Ü"), candle(0, resolution="1m")
    found = took(Sent(second), Sent(other), Sent(minute, MINUTES))
    texts = [found.candle(topic, symbol) for topic, symbol in ((SECONDS, "A"), (SECONDS, "Ü"), (MINUTES, "A"))]
    assert texts == [encode(second), encode(other), encode(minute)]
    assert found.candle(MINUTES, "Ü") is None


def test_a_candle_is_decoded_when_it_is_asked_for_and_once() -> None:
    first, last = Sent(candle(1)), Sent(candle(2))
    found = took(first, last)
    assert found.candle(SECONDS, "A") == found.candle(SECONDS, "A")
    assert (first.decoded, last.decoded) == (0, 1)


def test_memory_is_bounded_and_what_was_asked_for_stays_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newest, "MEMORY_BYTES", 100_000)
    found = took(Sent(candle(1, symbol="wanted"), size=1_000))
    for number in range(1_000):
        found.take(cast("Message", Sent(candle(1, symbol=f"S{number}"), size=1_000)))
        assert found.candle(SECONDS, "wanted")
    kept = [number for number in range(1_000) if found.candle(SECONDS, f"S{number}")]
    assert kept == list(range(1_000 - len(kept), 1_000))
    assert 30 < len(kept) < 100


def test_a_record_that_cannot_be_read_is_as_good_as_none() -> None:
    found = Newest(lambda _: None)
    found.take(cast("Message", Sent(candle(1))))
    assert found.candle(SECONDS, "A") is None
