"""What the reconcile job keeps of the topics, against a reader that keeps nothing."""

from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jobs import committed_log
from jobs.committed_log import Candles, Trades
from udfs.sources import Range

PLACE = ("md.candles.1s.v1", 0)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.sampled_from("AB"), st.integers(0, 20)),
        st.tuples(st.just("marker"), st.none(), st.none()),
        st.tuples(st.just("settle"), st.none(), st.none()),
        st.tuples(st.just("ask"), st.sampled_from("AB"), st.integers(0, 20)),
    ),
    max_size=60,
)


class Record:
    def __init__(self, symbol: str, offset: int, time_ms: int) -> None:
        self._symbol, self._offset, self.time_ms = symbol, offset, time_ms

    def key(self) -> bytes:
        return self._symbol.encode()

    def value(self) -> bytes:
        return f"{self._symbol} {self._offset}".encode()

    def offset(self) -> int:
        return self._offset


class Log:
    """A partition in memory; None is the marker of a transaction."""

    def __init__(self) -> None:
        self.records: list[Record | None] = []
        self.read_count = 0

    def write(self, symbol: str, time_ms: int = 0) -> None:
        self.records.append(Record(symbol, len(self.records), time_ms))

    def offset_at(self, place: Any, time_ms: int) -> int | None:
        return next((each.offset() for each in self.records if each and each.time_ms >= time_ms), None)

    def read(self, topic: str, wanted: Range) -> Iterator[Record]:
        for each in self.records[wanted.first : wanted.last + 1]:
            if each:
                self.read_count += 1
                yield each


@given(STEPS)
def test_the_candles_of_a_symbol_are_those_that_have_settled_since_a_time(steps: list[tuple[str, Any, Any]]) -> None:
    log = Log()
    candles = Candles(log)  # type: ignore[arg-type]
    stable = 0
    candles.settle({PLACE: stable})
    for kind, symbol, time_ms in steps:
        if kind == "write":
            log.write(symbol, time_ms)
        elif kind == "marker":
            log.records.append(None)
        elif kind == "settle":
            stable = len(log.records)
            candles.settle({PLACE: stable})
        else:
            settled = [each for each in log.records[:stable] if each and each.key() == symbol.encode()]
            wanted = [each.value() for each in settled if each.time_ms >= time_ms]
            found = candles.of(symbol, PLACE, time_ms)
            assert len(found) == len(set(found))
            assert set(wanted) <= set(found) <= {each.value() for each in settled}


def test_a_candle_is_read_once_however_often_more_has_settled() -> None:
    log = Log()
    candles = Candles(log)  # type: ignore[arg-type]
    for round_ in range(1, 101):
        log.write("A", round_)
        candles.settle({PLACE: len(log.records)})
        assert len(candles.of("A", PLACE, 1)) == round_
    assert log.read_count == 100


def test_what_was_kept_is_left_when_it_is_too_much(monkeypatch: Any) -> None:
    monkeypatch.setattr(committed_log, "CANDLES_MAX", 10)
    log = Log()
    candles = Candles(log)  # type: ignore[arg-type]
    for time_ms in range(1, 21):
        log.write("A", time_ms)
    candles.settle({PLACE: 20})
    assert len(candles.of("A", PLACE, 1)) == 20
    candles.settle({PLACE: 20})
    assert candles.of("A", PLACE, 19) == [b"A 18", b"A 19"]


@given(st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 6)), max_size=30), st.integers(2, 5))
def test_the_trades_of_a_range_are_found_also_where_the_topic_has_grown(
    steps: list[tuple[str, int]], chunk: int
) -> None:
    log = Log()
    log.write("A")
    trades = Trades(log, "md.trades.v1")  # type: ignore[arg-type]
    before, committed_log.CHUNK = committed_log.CHUNK, chunk
    try:
        for symbol, length in steps:
            last = len(log.records) - 1
            wanted = Range(0, max(0, last - length), last)
            found = [each.offset() for each in trades.of(symbol, wanted)]
            assert found == [n for n in range(wanted.first, last + 1) if log.records[n].key() == symbol.encode()]  # type: ignore[union-attr]
            log.write(symbol)
    finally:
        committed_log.CHUNK = before
    assert log.read_count <= len(log.records)
