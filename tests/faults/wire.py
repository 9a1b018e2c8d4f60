"""Kafka's protocol as far as a proxy must read it: whose request a frame is, and how a transaction ends."""

import struct
from typing import NamedTuple

INIT_PRODUCER_ID = 22
END_TXN = 26
LIST_TRANSACTIONS = 66
"""Keys of requests: the last two begin what a restored sink does, and end a transaction."""

_HEADER = struct.Struct(">hhih")
_PRODUCER = struct.Struct(">qh?")
_FLEXIBLE_SINCE = 3
"""Version of EndTxn from which on texts are compact and headers have tags."""


class Request(NamedTuple):
    """The header of a request, and its body."""

    api: int
    version: int
    correlation: int
    body: bytes


class EndTxn(NamedTuple):
    """The end of a transaction, as its producer wants it."""

    transactional_id: str
    producer_id: int
    epoch: int
    commit: bool

    @property
    def topic(self) -> str:
        """The topic of the sink: the transactional ids of the jobs are `<prefix>/<job>/<topic>/…`."""
        return self.transactional_id.split("/")[2]


def request(frame: bytes) -> Request:
    """Read a frame that a client has sent, without its length."""
    api, version, correlation, name_bytes = _HEADER.unpack_from(frame)
    return Request(api, version, correlation, frame[_HEADER.size + max(0, name_bytes) :])


def end_txn(found: Request) -> EndTxn | None:
    """What a request ends; None when it is another one."""
    if found.api != END_TXN:
        return None
    if found.version < _FLEXIBLE_SINCE:
        length, start = struct.unpack_from(">h", found.body)[0], 2
    else:  # a header without tags, then a length plus one; both in one byte, as ids are short
        length, start = found.body[1] - 1, 2
        if found.body[1] > 127:  # two bytes of seven bits each
            length, start = (found.body[1] & 127 | found.body[2] << 7) - 1, 3
    producer_id, epoch, commit = _PRODUCER.unpack_from(found.body, start + length)
    return EndTxn(found.body[start : start + length].decode(), producer_id, epoch, commit)


def end_txn_error(version: int, frame: bytes) -> int:
    """The error code with which a broker answers an EndTxn: 0 when it is done."""
    tags = version >= _FLEXIBLE_SINCE
    code: int = struct.unpack_from(">h", frame, 8 + tags)[0]
    return code
