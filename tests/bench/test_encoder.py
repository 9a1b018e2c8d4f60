"""What the fast encoder writes is what the project's codec writes, byte for byte."""

from decimal import Decimal
from operator import itemgetter

import numpy as np
import pytest

from bench.book_tape import BookTape
from bench.encoder import SEQUENCE_START, QuoteEncoder, TradeEncoder, decimals, varints
from bench.quote_tape import QuoteTape
from bench.tape import PartitionTape, Tape, symbol_names
from schemas import avro
from schemas.codec import Decoder, Encoder
from services.quote_oracle import best_quotes

SYMBOLS = 20


@pytest.mark.parametrize(("partition", "digits"), [(0, 12), (1, 12), (1, 100), (1, 1_000)])
def test_messages_equal_those_of_the_codec(partition: int, digits: int) -> None:
    chunk = next(PartitionTape(partition, Tape(trades=500, symbols=SYMBOLS)).chunks())
    codec = Encoder(schema_id=7, name="trade")
    expected = [
        codec.encode(
            {
                "symbol": symbol_names(SYMBOLS)[symbol],
                "venue": "XNAS",
                "trade_id": f"{partition * 10**11 + number:0{digits}}",
                "sequence": SEQUENCE_START + number,
                "ts_event": ts_event,
                "ts_recv": ts_recv,
                "price": Decimal(price).scaleb(-12),
                "size": Decimal(size).scaleb(-12),
                "conditions": ["0"],
            }
        )
        for number, symbol, ts_event, ts_recv, price, size in zip(
            *(
                column.tolist()
                for column in (
                    chunk.number,
                    chunk.symbol,
                    chunk.ts_event,
                    chunk.ts_recv,
                    chunk.price,
                    chunk.size,
                )
            ),
            strict=True,
        )
    ]

    assert TradeEncoder(7, partition, SYMBOLS, digits).encode(chunk) == expected


def test_quotes_equal_those_of_the_codec_and_lock_and_cross_now_and_then() -> None:
    tape, codec = QuoteTape(count=5_000, instruments=10), Encoder(schema_id=7, name="quote")
    records = list(tape.records(instruments=10))
    chunks = [QuoteEncoder(7, tape.names).encode(chunk) for partition in (0, 1) for chunk in tape.chunks(partition)]

    assert [message for chunk in chunks for message in chunk] == [codec.encode(record) for record in records]
    assert len(records) == 5_000
    of_one = [record for record in records if record["symbol"].startswith(tape.instrument(0))]
    assert {each.spread is not None and each.spread.numerator > 0 for each in best_quotes(of_one)} == {True, False}


def test_updates_of_books_say_what_those_of_the_codec_say() -> None:
    """Not byte for byte: a size of 0 is as long as others."""
    tape = BookTape(updates=5_000, instruments=10)
    decoder = Decoder("book_update", lambda _: avro.load("book_update"))
    sent = [decoder.decode(each["value"]) for side in (0, 1) for batch in tape.batches(7, side) for each in batch]
    key = itemgetter("symbol", "sequence")
    assert sorted(sent, key=key) == sorted(tape.records(instruments=10), key=key)
    assert len(sent) == tape.count == 5_010


@pytest.mark.parametrize("number", [2**27 - 1, 2**34])
def test_a_number_of_another_length_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="do not all lie"):
        varints(np.array([number]), 5)


@pytest.mark.parametrize("value", [2**47 - 1, 2**55, -1])
def test_a_decimal_of_another_length_is_refused(value: int) -> None:
    with pytest.raises(ValueError, match="do not all lie"):
        decimals(np.array([value]), 7)
