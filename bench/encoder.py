"""The records of the tapes as Avro, by hand and by the hundred thousand: one array of bytes, a row a record.

Every field of the tapes has one length in Avro, so that columns can be laid side by side. What would need another
length is refused.
"""

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.tape import Longs, Trades, symbol_names

if TYPE_CHECKING:
    from bench.book_tape import Changes
    from bench.quote_tape import Quotes

Bytes = NDArray[np.uint8]

SEQUENCE_START = 1_000_000_000
NUMBER_DIGITS = 12
"""Of the number that ends a trade's id."""
SECOND_BRANCH = b"\x02"  # of ["null", …]
VENUE = SECOND_BRANCH + b"\x08XNAS"
REGULAR_SALE = b"\x02\x020\x00"  # one condition, "0"
NEW = b"\x00"
NULL = b"\x00"
NO_SNAPSHOT, FOUR_LEVELS, END_OF_LEVELS = b"\x00", b"\x08", b"\x00"
BID, ASK = b"\x00", b"\x02"
NO_ORIGINAL = b"\x00\x00"


class TradeEncoder:
    """Writes the trades of one partition under the schema id they are registered with."""

    def __init__(self, schema_id: int, partition: int, symbols: int, id_digits: int = 12) -> None:
        self._header = _constant(b"\x00" + struct.pack(">I", schema_id))
        self._first_id = partition * 10 ** (NUMBER_DIGITS - 1)
        self._id_start = _constant(SECOND_BRANCH + _varint(id_digits) + b"0" * (id_digits - NUMBER_DIGITS))
        self._symbols = np.stack([_constant(_text(name)) for name in symbol_names(symbols)])

    def encode(self, trades: Trades) -> list[bytes]:
        """The framed message of each trade. Raises ValueError for a value outside the tape's range."""
        fields = [
            self._header,
            self._symbols[trades.symbol],
            _constant(VENUE),
            self._id_start,
            _digits(self._first_id + trades.number, NUMBER_DIGITS),
            _constant(SECOND_BRANCH),
            varints(SEQUENCE_START + trades.number, 5),
            varints(trades.ts_event, 9),
            _constant(SECOND_BRANCH),
            varints(trades.ts_recv, 9),
            decimals(trades.price, 7),
            decimals(trades.size, 6),
            _constant(REGULAR_SALE + NEW + NO_ORIGINAL + NULL),
        ]
        return _messages(fields, len(trades))


class QuoteEncoder:
    """Writes quotes under the schema id they are registered with; the names of all symbols are equally long."""

    def __init__(self, schema_id: int, names: Sequence[str]) -> None:
        self._header = _constant(b"\x00" + struct.pack(">I", schema_id))
        self._symbols = np.stack([_constant(_text(name)) for name in names])
        self._venues = np.stack([_constant(SECOND_BRANCH + _text(name.rpartition(".")[2])) for name in names])

    def encode(self, quotes: "Quotes") -> list[bytes]:
        """The framed message of each quote. Raises ValueError for a value outside the tape's range."""
        second = _constant(SECOND_BRANCH)
        fields = [
            self._header,
            self._symbols[quotes.symbol],
            self._venues[quotes.symbol],
            second,
            varints(quotes.sequence, 5),
            varints(quotes.ts_event, 9),
            second,
            varints(quotes.ts_recv, 9),
            second,
            decimals(quotes.bid_price, 7),
            second,
            decimals(quotes.bid_size, 6),
            second,
            decimals(quotes.ask_price, 7),
            second,
            decimals(quotes.ask_size, 6),
        ]
        return _messages(fields, len(quotes))


class BookEncoder:
    """Writes updates of books under the schema id they are registered with."""

    def __init__(self, schema_id: int, names: Sequence[str]) -> None:
        self._header = _constant(b"\x00" + struct.pack(">I", schema_id))
        self._symbols = np.stack([_constant(_text(name)) for name in names])
        self._venues = np.stack([_constant(SECOND_BRANCH + _text(name.rpartition(".")[2])) for name in names])

    def encode(self, changes: "Changes") -> list[bytes]:
        """The framed message of each update. Raises ValueError for a value outside the tape's range."""
        second = _constant(SECOND_BRANCH)
        levels = [
            field
            for place, side in enumerate((BID, BID, ASK, ASK))
            for field in (
                _constant(side),
                decimals(changes.prices[:, place], 7),
                _padded(changes.sizes[:, place], 6),
            )
        ]
        fields = [
            self._header,
            self._symbols[changes.symbol],
            self._venues[changes.symbol],
            _constant(NULL + SECOND_BRANCH),
            varints(changes.sequence, 5),
            varints(changes.ts_event, 9),
            second,
            varints(changes.ts_event, 9),
            _constant(NO_SNAPSHOT + FOUR_LEVELS),
            *levels,
            _constant(END_OF_LEVELS + 4 * NULL),
        ]
        return _messages(fields, len(changes))


def _messages(fields: Sequence[Bytes], count: int) -> list[bytes]:
    rows = np.hstack([np.broadcast_to(field, (count, field.shape[-1])) for field in fields])
    length, message = rows.shape[1], rows.tobytes()
    return [message[start : start + length] for start in range(0, len(message), length)]


def varints(values: Longs, length: int) -> Bytes:
    """Zigzag varints of positive numbers that all take so many bytes; shape (numbers, length)."""
    doubled = values.astype(np.uint64) << np.uint64(1)
    _require(doubled, 7 * (length - 1), 7 * length)
    shifts = np.arange(0, 7 * length, 7, dtype=np.uint64)
    septets = (doubled[:, None] >> shifts & np.uint64(0x7F)).astype(np.uint8)
    septets[:, :-1] |= 0x80
    return septets


def decimals(values: Longs, length: int) -> Bytes:
    """Avro decimals of positive unscaled values that all take so many bytes; shape (numbers, 1 + length)."""
    _require(values.astype(np.uint64), 8 * (length - 1) - 1, 8 * length - 1)
    return _padded(values, length)


def _padded(values: Longs, length: int) -> Bytes:
    """Decimals of so many bytes, also where fewer would do: 0 is one of them."""
    big_endian = values.astype(">i8").view(np.uint8).reshape(-1, 8)[:, -length:]
    prefix = np.broadcast_to(_constant(_varint(length)), (len(values), 1))
    return np.hstack([prefix, big_endian])


def _digits(values: Longs, length: int) -> Bytes:
    powers = 10 ** np.arange(length - 1, -1, -1, dtype=np.int64)
    return (values[:, None] // powers % 10 + ord("0")).astype(np.uint8)


def _require(values: NDArray[np.uint64], low_bits: int, high_bits: int) -> None:
    if len(values) and not (values.min() >= 1 << low_bits and int(values.max()) < 1 << high_bits):
        raise ValueError(f"{values.min()} to {values.max()} do not all lie in 2^{low_bits} … 2^{high_bits} - 1")


def _text(text: str) -> bytes:
    return _varint(len(text)) + text.encode()


def _varint(number: int) -> bytes:
    doubled = number << 1  # of a length: it has no sign
    return bytes([doubled]) if doubled < 0x80 else bytes([doubled & 0x7F | 0x80, doubled >> 7])


def _constant(data: bytes) -> Bytes:
    return np.frombuffer(data, dtype=np.uint8)
