"""What `tickloom txn` shows: a table of transactions, JSON, the lines of one."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from rich.table import Table
from rich.text import Text

from deploy.dead_letter_text import printable
from deploy.txn.admin import Log
from deploy.txn.owners import Owners
from deploy.txn.transactions import HANGING, Transaction, Written

NO_ID = "(hanging)"
REMEDY = "no coordinator knows it: end it with `kafka-transactions.sh abort --topic … --partition … --start-offset …`"


def table(found: Sequence[Transaction], owners: Owners, now: datetime) -> Table:
    """The transactions, one a row."""
    made = Table(box=None, pad_edge=False)
    for name in ("transaction", "job", "topic", "state"):
        made.add_column(name, overflow="fold")
    for name in ("producer", "age", "partitions", "hides"):
        made.add_column(name, justify="right", no_wrap=True)
    made.add_column("owner", no_wrap=True)
    for each in found:
        sink = each.sink
        names = (each.id or NO_ID, sink.job if sink else "", sink.topic if sink else "", each.state)
        numbers = (f"{each.producer_id}/{each.epoch}", duration(each.age(now)), f"{len(each.written):,}")
        hides = f"{each.hidden:,}" if each.holds else ""
        made.add_row(*(Text(printable(name)) for name in names), *numbers, hides, owners.of(sink).word)
    return made


def summary(found: Sequence[Transaction], now: datetime) -> str:
    """In a line: what is held back, by how many, for how long."""
    holding = [each for each in found if each.holds]
    if not holding:
        return "no last stable offset is held back"
    behind = {written.place: written.hidden for each in holding for written in each.written if written.holds}
    longest = max((age for each in holding if (age := each.age(now)) is not None), default=None)
    records = f"{sum(behind.values()):,} records of {counted(len(behind), 'partition')}"
    verb = "hides" if len(holding) == 1 else "hide"
    return f"{counted(len(holding), 'transaction')} {verb} {records}, the oldest for {duration(longest) or '?'}"


def as_json(each: Transaction, owners: Owners, now: datetime) -> dict[str, Any]:
    """A transaction as JSON: times as ISO-8601, lengths of time in seconds."""
    sink, age, owner = each.sink, each.age(now), owners.of(each.sink)
    return {
        "id": each.id,
        **(sink._asdict() if sink else {"prefix": None, "job": None, "topic": None}),
        "state": each.state,
        "producer_id": each.producer_id,
        "epoch": each.epoch,
        "started": each.started.isoformat() if each.started else None,
        "age_s": age.total_seconds() if age is not None else None,
        "expires": each.expires.isoformat() if each.expires else None,
        "owner": owner.word,
        "holds": each.holds,
        "hidden": each.hidden,
        "partitions": [_written_as_json(written) for written in each.written],
    }


def _written_as_json(written: Written) -> dict[str, Any]:
    return {
        **written.place._asdict(),
        "first_offset": written.first_offset,
        "last_stable_offset": written.stable,
        "end": written.end,
        "holds": written.holds,
        "hidden": written.hidden,
    }


def lines(each: Transaction, owners: Owners, now: datetime) -> Iterator[tuple[str, str]]:
    """Name and value of everything there is to say of one."""
    yield "transaction", each.id or NO_ID
    if each.sink:
        yield from each.sink._asdict().items()
    yield "state", f"{each.state}, {REMEDY}" if each.state == HANGING else each.state
    yield "producer", f"{each.producer_id}, epoch {each.epoch}"
    if each.started:
        yield "began", f"{each.started:%Y-%m-%dT%H:%M:%SZ}, {duration(each.age(now))} ago"
    if each.expires:
        yield "Kafka aborts it", f"{each.expires:%Y-%m-%dT%H:%M:%SZ}, unless it ends before"
    yield "owner", owners.of(each.sink).told
    for written in each.written:
        yield f"  {written.place.topic} {written.place.partition}", _told(written)


def _told(written: Written) -> str:
    if written.first_offset is None:
        return "no record in it"
    begins = f"its first offset is {written.first_offset}"
    if written.holds:
        return f"{begins}: holds readers at {written.stable} of {written.end}, {written.hidden:,} records hidden"
    return f"{begins}; readers are at {written.stable} of {written.end}, held by an older one"


def reached(log: Log) -> str:
    """How far readers of committed records can come in a partition."""
    place = f"  {log.topic} {log.partition}: the last stable offset is {log.stable}"
    if log.stable >= log.end:
        return f"{place}, the end"
    producers = ", ".join(str(each.producer_id) for each in log.writers if each.first_offset == log.stable)
    return f"{place} of {log.end}, held by another transaction (producer {producers or 'unknown'})"


def counted(count: int, noun: str) -> str:
    """`1 transaction`, `2 transactions`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def duration(length: timedelta | None) -> str:
    """A length of time by its two largest units: 12s, 3m 5s, 2h 7m, 1d 3h; empty when unknown."""
    if length is None:
        return ""
    seconds = int(length.total_seconds())
    units = [(seconds // 86_400, "d"), (seconds // 3_600 % 24, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s")]
    first = next((place for place, (count, _) in enumerate(units) if count), 3)
    return " ".join(f"{count}{unit}" for count, unit in units[first : first + 2])


def owners_of(transactions: Iterable[Transaction], owners: Owners) -> list[str]:
    """What is known of the owners, each once."""
    return list(dict.fromkeys(owners.of(each.sink).told for each in transactions))
