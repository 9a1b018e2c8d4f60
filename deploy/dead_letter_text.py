"""What `tickloom dlq` shows of dead letters: a table of groups, the lines of one."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from schemas.exact import floor_instant
from schemas.models import RejectedTrade, ReplayedTrade
from services.dead_letter_replay import Judge
from services.dead_letters import Group, LetterReader, UnreadableError, origin_of

HEX_BYTES_SHOWN = 512
HEX_BYTES_A_LINE = 16


def as_json(group: Group) -> dict[str, Any]:
    """A group as JSON: times as ISO-8601."""
    return {**group.__dict__, "first": iso(group.first), "last": iso(group.last), "latest": str(group.latest)}


def table(found: Sequence[Group]) -> Table:
    """The groups, one a row."""
    made = Table("rule", "severity", "symbol", box=None, pad_edge=False)
    for name in ("count", "replayed"):
        made.add_column(name, justify="right")
    for name in ("first", "last", "latest"):
        made.add_column(name, no_wrap=True)
    for group in found:
        numbers = (f"{group.count:,}", f"{group.replayed:,}" if group.replayed else "")
        times = (_to_the_second(group.first), _to_the_second(group.last), str(group.latest))
        made.add_row(group.rule, group.severity, Text(printable(group.symbol or "")), *numbers, *times)
    return made


def _to_the_second(nanoseconds_utc: int | None) -> str:
    return "" if nanoseconds_utc is None else f"{floor_instant(nanoseconds_utc):%Y-%m-%dT%H:%M:%SZ}"


def iso(nanoseconds_utc: int | None) -> str | None:
    """A time in ISO-8601, cut to the microsecond."""
    return None if nanoseconds_utc is None else f"{floor_instant(nanoseconds_utc):%Y-%m-%dT%H:%M:%S.%fZ}"


def printable(text: str) -> str:
    """A text that may be garbage, without what a terminal would obey."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def lines(
    letter: RejectedTrade, replayed: ReplayedTrade | None, reader: LetterReader, judge: Judge
) -> Iterator[tuple[str, str]]:
    """Name and value of everything there is to say of one: why, what became of it, what it holds."""
    yield "origin", f"{letter.topic} {origin_of(letter)}"
    yield "rule", f"{letter.rule} ({letter.severity})"
    yield "reason", letter.reason
    yield "kafka timestamp", iso(letter.ts_kafka) or "none"
    yield "schema id", str(letter.schema_id or "none")
    if replayed:
        mended = f"with {replayed.changes}" if replayed.changes else "as it was"
        yield "replayed", f"{iso(replayed.ts_replayed)}, {mended}"
    yield "now", _now(letter, reader, judge)
    yield from _contents(letter, reader)


def _now(letter: RejectedTrade, reader: LetterReader, judge: Judge) -> str:
    try:
        reason = judge(reader.trade(letter, {}), letter.ts_kafka)
    except UnreadableError as error:
        reason = str(error)
    return f"rejected: {reason}" if reason else "accepted"


def _contents(letter: RejectedTrade, reader: LetterReader) -> Iterator[tuple[str, str]]:
    try:
        for name, value in reader.fields(letter).items():
            text = f"{value:f}" if name in ("price", "size") else str(value)
            yield f"  {name}", f"{text}  {iso(value)}" if name.startswith("ts_") else text
    except UnreadableError:
        value = letter.value or b""
        yield "bytes", f"{len(value):,}" + (f", the first {HEX_BYTES_SHOWN}:" if len(value) > HEX_BYTES_SHOWN else "")
        for start in range(0, min(len(value), HEX_BYTES_SHOWN), HEX_BYTES_A_LINE):
            line = value[start : start + HEX_BYTES_A_LINE]
            text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in line)
            yield f"  {start:06x}", f"{line.hex(' '):{3 * HEX_BYTES_A_LINE}} {text}"
