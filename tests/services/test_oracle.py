"""The independent check is itself checked: known answers, and a second, naive formulation."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.oracle import RESOLUTIONS_NS, SECOND_NS, CandleKey, ExpectedCandle, expected_candles
from services.records import TradeRecord
from tests.services.tape import trade

MINUTE_NS = 60 * SECOND_NS
DAY_NS = 86_400 * SECOND_NS


def only(tape: Sequence[TradeRecord], resolution: str = "1s") -> ExpectedCandle:
    (found,) = expected_candles(tape, [resolution]).candles.values()
    return found


def test_a_candle_by_hand() -> None:
    tape = [
        trade(100, "10.5", "2"),
        trade(200, "12", "1"),
        trade(300, "9.25", "4"),
        trade(400, "11", "3"),
    ]
    assert only(tape) == ExpectedCandle(
        window_end=SECOND_NS,
        open=Decimal("10.5"),
        high=Decimal(12),
        low=Decimal("9.25"),
        close=Decimal(11),
        volume=Decimal(10),
        notional=Decimal(103),
        vwap=Decimal("10.3"),
        trade_count=4,
        duplicate_count=0,
        first_ts_event=100,
        last_ts_event=400,
    )


def test_every_resolution_is_aligned_to_the_utc_epoch() -> None:
    moment = 3 * DAY_NS + 13 * 3_600 * SECOND_NS + 44 * MINUTE_NS + 59 * SECOND_NS + 1
    starts = {key.resolution: key.window_start for key in expected_candles([trade(moment)]).candles}
    day = 3 * DAY_NS
    hour = day + 13 * 3_600 * SECOND_NS
    assert starts == {
        "1s": moment - 1,
        "1m": hour + 44 * MINUTE_NS,
        "5m": hour + 40 * MINUTE_NS,
        "15m": hour + 30 * MINUTE_NS,
        "1h": hour,
        "1d": day,
    }


def test_a_window_has_its_start_and_not_its_end() -> None:
    tape = [trade(MINUTE_NS - 1, "1"), trade(MINUTE_NS, "2")]
    closes = {key.window_start: found.close for key, found in expected_candles(tape, ["1m"]).candles.items()}
    assert closes == {0: Decimal(1), MINUTE_NS: Decimal(2)}


def test_time_orders_before_sequence_and_sequence_before_offset() -> None:
    tape = [
        trade(5, "50", venue="X", sequence=1),
        trade(4, "42", venue="X", sequence=9),
        trade(4, "41", venue="X", sequence=8),
        trade(5, "51", venue="X", sequence=0),
    ]
    found = only(tape)
    assert [found.open, found.close] == [41, 50]


def test_sequences_of_two_venues_do_not_compare() -> None:
    tape = [trade(4, "1", venue="X", sequence=900), trade(4, "2", venue="Y", sequence=1)]
    found = only(tape)
    assert [found.open, found.close] == [1, 2]


def test_trades_without_a_sequence_are_in_the_order_of_the_tape() -> None:
    tape = [trade(4, "1", venue="X"), trade(4, "2", venue="Y"), trade(4, "3", venue="X")]
    found = only(tape)
    assert [found.open, found.close] == [1, 3]


def test_a_venue_is_represented_by_its_outermost_sequence_and_the_offset_decides_among_venues() -> None:
    tape = [
        trade(4, "1", venue="X", sequence=7),
        trade(4, "2"),
        trade(4, "3", venue="X", sequence=6),
    ]
    found = only(tape)
    assert found.open == 2  # X stands at offset 2 with sequence 6, behind the unsequenced trade
    assert found.close == 2  # X stands at offset 0 with sequence 7


def test_a_copy_is_counted_and_not_summed() -> None:
    copy = {"trade_id": "7", "venue": "X"}
    tape = [
        trade(1, "5", "2", **copy),
        trade(2, "6", "1", **copy | {"trade_id": "8"}),
        trade(1, "5", "2", **copy),
    ]
    found = only(tape, "1d")
    assert [found.trade_count, found.duplicate_count, found.volume] == [2, 1, 3]


def test_the_same_id_at_another_venue_or_second_is_another_trade() -> None:
    tape = [
        trade(1, trade_id="7", venue="X"),
        trade(1, trade_id="7", venue="Y"),
        trade(1, trade_id="7"),
        trade(SECOND_NS, trade_id="7", venue="X"),
    ]
    found = only(tape, "1m")
    assert (found.trade_count, found.duplicate_count) == (4, 0)


def test_identical_trades_without_an_id_are_all_counted() -> None:
    assert only([trade(1)] * 3).trade_count == 3


def test_what_is_no_trade_is_counted_apart() -> None:
    tape = [
        trade(1, size="0"),
        trade(1, size="-1"),
        trade(1, price="0"),
        trade(1, price="-3"),
        trade(1, action="cancel", original_trade_id="1", original_ts_event=1),
        trade(1, action="correct", original_trade_id="1", original_ts_event=1),
    ]
    expected = expected_candles(tape)
    assert (expected.trades, expected.rejected, expected.changes, expected.candles) == (6, 4, 2, {})


@pytest.mark.parametrize(
    ("prices", "vwap"),
    [
        (["0.000000000001", "0.000000000002"], "0.000000000002"),
        (["0.000000000002", "0.000000000003"], "0.000000000002"),
        (["1", "1", "0.000000000001"], "0.666666666667"),
    ],
)
def test_vwap_is_rounded_once_half_to_even(prices: list[str], vwap: str) -> None:
    assert only([trade(1, price) for price in prices]).vwap == Decimal(vwap)


def test_a_notional_beyond_the_schema_is_null_and_the_rest_stays_exact() -> None:
    fits = only([trade(1, "99999999999999.999999999999")])
    beyond = only([trade(1, "99999999999999.999999999999"), trade(1, "0.000000000001")])
    assert fits.notional == Decimal("99999999999999.999999999999")
    assert (beyond.notional, beyond.vwap) == (None, Decimal(50_000_000_000_000))


def test_digits_beyond_every_machine_number_are_kept() -> None:
    large, small = "9" * 26 + "." + "9" * 12, "0.000000000001"
    found = only([trade(1, "1", large), trade(1, "1", small)])
    assert found.volume == Decimal("1e26")


trades = st.builds(
    trade,
    ts_event=st.sampled_from([0, 1, SECOND_NS - 1, SECOND_NS, MINUTE_NS]),
    price=st.sampled_from(["0", "1.5", "2", "3.000000000001"]),
    size=st.sampled_from(["-1", "0", "0.3", "7", "123456789012345678"]),
    symbol=st.sampled_from(["A", "B"]),
    venue=st.sampled_from([None, "X", "Y"]),
    trade_id=st.sampled_from([None, None, "1", "2"]),
    sequence=st.sampled_from([None, 0, 1, 2]),
    action=st.sampled_from(["new", "new", "new", "cancel"]),
)


def naive(tape: list[TradeRecord]) -> dict[CandleKey, ExpectedCandle]:
    """The same rules, said as predicates over all pairs and computed in fractions."""
    good = [
        (offset, each)
        for offset, each in enumerate(tape)
        if each["action"] == "new" and each["size"] > 0 and each["price"] > 0
    ]
    return {
        CandleKey(symbol, resolution, start): naive_candle(
            [item for item in good if item[1]["symbol"] == symbol and 0 <= item[1]["ts_event"] - start < length],
            start + length,
        )
        for resolution, length in RESOLUTIONS_NS.items()
        for symbol, start in {(each["symbol"], each["ts_event"] // length * length) for _, each in good}
    }


def naive_candle(window: list[tuple[int, TradeRecord]], end: int) -> ExpectedCandle:
    def copies(one: TradeRecord, other: TradeRecord) -> bool:
        same_second = one["ts_event"] // SECOND_NS == other["ts_event"] // SECOND_NS
        same_id = one["trade_id"] is not None and one["trade_id"] == other["trade_id"]
        return same_second and same_id and one["venue"] == other["venue"]

    def before(one: tuple[int, TradeRecord], other: tuple[int, TradeRecord]) -> bool:
        first, second = one[1]["sequence"], other[1]["sequence"]
        if first is None or second is None:
            return first is None and second is None and one[0] < other[0]
        return one[1]["venue"] == other[1]["venue"] and (first, one[0]) < (second, other[0])

    kept = [item for item in window if not any(o < item[0] and copies(e, item[1]) for o, e in window)]
    times = [each["ts_event"] for _, each in kept]
    at_first = [item for item in kept if item[1]["ts_event"] == min(times)]
    at_last = [item for item in kept if item[1]["ts_event"] == max(times)]
    _, opening = min(
        (item for item in at_first if not any(before(o, item) for o in at_first)), key=lambda item: item[0]
    )
    _, closing = max((item for item in at_last if not any(before(item, o) for o in at_last)), key=lambda item: item[0])
    volume = sum(Fraction(each["size"]) for _, each in kept)
    notional = sum(Fraction(each["size"]) * Fraction(each["price"]) for _, each in kept)
    return ExpectedCandle(
        window_end=end,
        open=opening["price"],
        high=max(each["price"] for _, each in kept),
        low=min(each["price"] for _, each in kept),
        close=closing["price"],
        volume=Decimal(int(volume * 10**12)).scaleb(-12),
        notional=Decimal(int(notional * 10**24)).scaleb(-24) if notional < 10**14 else None,
        vwap=Decimal(round(notional / volume * 10**12)).scaleb(-12),
        trade_count=len(kept),
        duplicate_count=len(window) - len(kept),
        first_ts_event=min(times),
        last_ts_event=max(times),
    )


@given(st.lists(trades, max_size=12))
def test_a_naive_formulation_of_the_rules_agrees(tape: list[TradeRecord]) -> None:
    assert expected_candles(tape).candles == naive(tape)


@given(st.lists(trades, max_size=12).flatmap(lambda tape: st.tuples(st.just(tape), st.permutations(tape))))
def test_with_one_venues_sequences_the_order_of_arrival_does_not_matter(
    tapes: tuple[list[TradeRecord], list[TradeRecord]],
) -> None:
    def sequenced(tape: list[TradeRecord]) -> list[TradeRecord]:
        places = {id(each): place for place, each in enumerate(tapes[0])}
        return [each | {"venue": "X", "sequence": places[id(each)], "trade_id": None} for each in tape]

    assert expected_candles(sequenced(tapes[0])) == expected_candles(sequenced(tapes[1]))


@given(st.lists(trades, max_size=12))
def test_every_message_is_counted_once(tape: list[TradeRecord]) -> None:
    expected = expected_candles(tape, ["1s"])
    counted = sum(each.trade_count + each.duplicate_count for each in expected.candles.values())
    assert expected.trades == len(tape) == counted + expected.rejected + expected.changes
