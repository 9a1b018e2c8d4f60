"""Dead letters as data: which are wanted, how they are counted, what is in them, and how they are mended."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import avro
from schemas.codec import CodecError, Encoder, FieldReader
from schemas.models import RejectedTrade, ReplayedTrade
from services.dead_letters import Group, Origin, Wanted, changes, groups
from tests.services.tape import trade

AT = 1_700_000_000 * 10**9
READER = FieldReader("trade", lambda _: avro.load("trade"))
WHOLE = Encoder(1, "trade").encode(trade(AT))


def letter(offset: int = 0, **fields: Any) -> RejectedTrade:
    place = {"topic": "t", "partition": 1, "offset": offset}
    return RejectedTrade(**{"rule": "size", "reason": "why", "ts_kafka": AT, **place, **fields})


@pytest.mark.parametrize(
    ("wanted", "is_wanted"),
    [
        (Wanted(), True),
        (Wanted(rules=("size", "price")), True),
        (Wanted(rules=("price",)), False),
        (Wanted(since=AT), True),
        (Wanted(since=AT + 1), False),
        (Wanted(rules=("size",), since=AT + 1), False),
    ],
)
def test_a_letter_is_wanted_for_its_rule_and_its_time(wanted: Wanted, is_wanted: bool) -> None:
    assert wanted.matches(letter()) == is_wanted


def test_a_letter_without_a_time_is_of_any_time() -> None:
    assert Wanted(since=AT).matches(letter(ts_kafka=None))


def test_groups_count_by_rule_severity_and_symbol_and_show_their_times() -> None:
    replayed = ReplayedTrade(topic="t", partition=1, offset=2, rule="size", ts_replayed=AT)
    letters = [letter(1, ts_kafka=AT + 5), letter(2), letter(3, severity="flag"), letter(4, symbol="A", ts_kafka=None)]
    assert groups(letters, {Origin(1, 2): replayed, Origin(1, 3): replayed}) == [
        Group("size", "reject", None, 2, 1, AT, AT + 5, Origin(1, 2)),
        Group("size", "flag", None, 1, 0, AT, AT, Origin(1, 3)),
        Group("size", "reject", "A", 1, 0, None, None, Origin(1, 4)),
    ]


def test_what_is_mended_is_read_as_the_field_it_is_for() -> None:
    texts = {"size": "1.5", "ts_event": "2023-11-14T22:13:20Z", "ts_recv": str(AT), "sequence": "-7", "symbol": "7"}
    assert changes({**texts, "conditions": "@ T", "action": "cancel"}) == {
        "size": Decimal("1.5"),
        "ts_event": AT,
        "ts_recv": AT,
        "sequence": -7,
        "symbol": "7",
        "conditions": ("@", "T"),
        "action": "cancel",
    }


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("colour", "red", "colour: a trade has no such field"),
        ("price", "1e-13", "price: 1e-13 does not fit decimal.38, 12. exactly"),
        ("price", "NaN", "price: 'NaN' is no exact number"),
        ("ts_event", "2023-11-14T22:13:20", "ts_event: '2023-11-14T22:13:20' has no zone"),
        ("sequence", "1.5", "sequence: Input should be a valid integer"),
        ("action", "bust", "action: Input should be 'new', 'cancel' or 'correct'"),
    ],
)
def test_what_cannot_be_mended_so_is_named(field: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        changes({field: text})


def test_fields_are_read_although_the_record_is_no_good_trade() -> None:
    message = Encoder(1, "trade").encode(trade(0, "-1", "0", symbol=""))
    found = READER.read(message)
    assert (found["ts_event"], found["price"], found["size"], found["symbol"]) == (0, -1, 0, "")
    assert "venue" not in found


@given(st.binary(max_size=60))
def test_garbage_is_refused_in_one_way(noise: bytes) -> None:
    for message in (noise, b"\0\0\0\0\1" + noise, WHOLE + b"\0", WHOLE[:-1]):
        try:
            found = READER.read(message)
        except CodecError:
            continue
        assert message not in (WHOLE + b"\0", WHOLE[:-1])
        assert found.keys() <= {field["name"] for field in avro.load("trade")["fields"]}


@pytest.mark.parametrize("schema", [{"type": "string"}, {"type": "record", "name": "R", "fields": []}, ["null", "int"]])
def test_a_record_of_another_kind_has_no_fields_of_a_trade(schema: Any) -> None:
    reader = FieldReader("trade", lambda _: schema)
    with pytest.raises(CodecError):
        reader.read(b"\0\0\0\0\1\2a")
