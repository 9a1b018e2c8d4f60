"""What `tickloom txn` makes of what Kafka and Flink say: whose a transaction is, what it hides, what may be ended."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console

from deploy.errors import UserError
from deploy.txn import resolve, text
from deploy.txn.admin import Described, Log, Place, Writer
from deploy.txn.owners import Owners, RunningJob
from deploy.txn.transactions import HANGING, Sink, Transaction, assembled, sink_of
from jobs.kafka import transactional_id_prefix
from jobs.settings import Settings

NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
MINUTES, SECONDS = Place("md.candles.1m.v1", 0), Place("md.candles.1s.v1", 1)
ID = "tickloom/candles/md.candles.1m.v1/-0-3"
CLUSTER = "127.0.0.1:8081"


def described(
    id: str = ID, producer_id: int = 7, age_s: int = 60, places: tuple[Place, ...] = (MINUTES,), state: str = "Ongoing"
) -> Described:
    started_ms = NOW_MS - age_s * 1000
    return Described(
        id=id,
        state=state,
        producer_id=producer_id,
        epoch=2,
        started_ms=started_ms,
        timeout_ms=900_000,
        partitions=places,
    )


def log(place: Place, stable: int, end: int, **first_offsets: int) -> Log:
    """A partition, and the first offset of each open transaction: p7=42 is of producer 7."""
    writers = [
        Writer(producer_id=int(name[1:]), epoch=2, first_offset=offset) for name, offset in first_offsets.items()
    ]
    return Log(topic=place.topic, partition=place.partition, stable=stable, end=end, writers=tuple(writers))


def found(known: list[Described], *logs: Log, before: tuple[Log, ...] = ()) -> list[Transaction]:
    return assembled({each.place: each for each in before}, known, {each.place: each for each in logs})


def gone() -> Owners:
    return Owners(CLUSTER, [])


def test_the_transactional_ids_of_our_sinks_name_prefix_job_and_topic() -> None:
    ours = transactional_id_prefix("candles", "md.late.v1", Settings(transactional_id_prefix="eu-1")) + "-12-345"
    assert sink_of(ours) == Sink("eu-1", "candles", "md.late.v1")


@pytest.mark.parametrize("other", ["", "orders", "a/b/c", "a//c/-0-1", "a/b/c/d/e", "/candles/t/-0-1"])
def test_other_transactional_ids_name_nothing(other: str) -> None:
    assert sink_of(other) is None


def test_who_begins_at_the_last_stable_offset_holds_it_and_who_came_later_does_not() -> None:
    first, later = found(
        [described("later", producer_id=8), described("first", producer_id=7)], log(MINUTES, 42, 50, p7=42, p8=45)
    )
    assert (first.id, first.holds, first.hidden) == ("first", True, 8)
    assert (later.id, later.holds, later.hidden) == ("later", False, 0)


def test_what_is_hidden_is_summed_over_the_partitions_that_are_held() -> None:
    (one,) = found([described(places=(MINUTES, SECONDS))], log(MINUTES, 42, 50, p7=42), log(SECONDS, 10, 13, p7=10))
    assert one.hidden == 11


def test_a_transaction_without_a_record_holds_nothing() -> None:
    (one,) = found([described()], log(MINUTES, 50, 50))
    assert not one.holds


def test_holders_come_first_and_among_them_the_oldest() -> None:
    known = [
        described("old, holds nothing", 1, age_s=900, places=()),
        described("young", 2, age_s=5, places=(SECONDS,)),
        described("old", 3, age_s=60, places=(MINUTES,)),
    ]
    order = found(known, log(SECONDS, 1, 3, p2=1), log(MINUTES, 1, 3, p3=1))
    assert [each.id for each in order] == ["old", "young", "old, holds nothing"]


def test_a_producer_that_no_coordinator_knows_is_hanging_when_it_was_there_before_and_after() -> None:
    (one,) = found([], log(MINUTES, 42, 50, p7=42), before=(log(MINUTES, 42, 48, p7=42),))
    assert (one.id, one.state, one.producer_id, one.hidden) == (None, HANGING, 7, 8)


@pytest.mark.parametrize("before", [(), (log(MINUTES, 30, 40, p7=30),), (log(MINUTES, 42, 50, p8=42),)])
def test_a_producer_that_began_while_the_coordinators_were_asked_is_not_hanging(before: tuple[Log, ...]) -> None:
    assert found([], log(MINUTES, 42, 50, p7=42), before=before) == []


@pytest.mark.parametrize(
    ("prefix", "job", "word"),
    [
        ("tickloom", "candles", "runs"),
        ("tickloom", "reconcile", "gone"),
        ("other", "candles", "gone"),
        ("tickloom", "dlq", "unknown"),
    ],
)
def test_a_job_owns_what_bears_its_name_and_its_prefix(prefix: str, job: str, word: str) -> None:
    running = Owners(CLUSTER, [RunningJob("ab12", "candles", "tickloom")])
    assert running.of(Sink(prefix, job, "md.late.v1")).word == word


def test_a_job_that_does_not_tell_its_prefix_owns_every_prefix() -> None:
    running = Owners(CLUSTER, [RunningJob("ab12", "candles", None)])
    assert running.of(Sink("other", "candles", "md.late.v1")).word == "runs"


@pytest.mark.parametrize("address", [None, CLUSTER])
def test_without_an_answer_of_a_cluster_every_owner_is_unknown(address: str | None) -> None:
    assert Owners(address, None).of(Sink("tickloom", "candles", "md.late.v1")).word == "unknown"


def test_what_is_ended_must_wait_for_a_decision_and_belong_to_no_running_job() -> None:
    one, committing = (each for each in found([described(), described("b", state="PrepareCommit")], log(MINUTES, 0, 0)))
    known = {ID: one, "b": committing}
    runs, nobody = Owners(CLUSTER, [RunningJob("ab12", "candles", "tickloom")]), Owners(None, None)
    assert resolve.check([ID, ID], known, gone(), confirmed=True) == [one]
    assert resolve.check([ID], known, nobody, confirmed=False) == [one]
    with pytest.raises(UserError, match=r"^Kafka knows no transaction c: `tickloom txn list`"):
        resolve.check([ID, "c"], known, gone(), confirmed=True)
    with pytest.raises(UserError, match=r"^b waits for no decision: its state is PrepareCommit$"):
        resolve.check(["b"], known, gone(), confirmed=True)
    with pytest.raises(UserError, match=r"is in use: tickloom-candles runs on 127.0.0.1:8081 as ab12.*; stop it first"):
        resolve.check([ID], known, runs, confirmed=False)
    with pytest.raises(UserError, match=r"its job may run \(unknown: no cluster .*\): name its cluster by --cluster"):
        resolve.check([ID], known, nobody, confirmed=True)


def test_the_table_shows_what_is_hidden_for_how_long_and_no_control_characters() -> None:
    transactions = found([described("x/candles/[red]\x1b[2J/-0-1", age_s=185)], log(MINUTES, 42, 1_050, p7=42))
    console = Console(width=200, file=StringIO())
    with console.capture() as shown:
        console.print(text.table(transactions, gone(), NOW))
    header, row = shown.get().splitlines()
    assert header.split() == ["transaction", "job", "topic", "state", "producer", "age", "partitions", "hides", "owner"]
    clean = "[red]\N{REPLACEMENT CHARACTER}[2J"
    assert row.split() == [
        f"x/candles/{clean}/-0-1",
        "candles",
        clean,
        "Ongoing",
        "7/2",
        "3m",
        "5s",
        "1",
        "1,008",
        "gone",
    ]


def test_the_summary_counts_each_partition_once() -> None:
    known = [described("a", 1, age_s=7_380, places=(MINUTES,)), described("b", 2, places=(MINUTES, SECONDS))]
    transactions = found(known, log(MINUTES, 42, 50, p1=42, p2=44), log(SECONDS, 10, 13, p2=10))
    assert text.summary(transactions, NOW) == "2 transactions hide 11 records of 2 partitions, the oldest for 2h 3m"
    assert text.summary([], NOW) == "no last stable offset is held back"


def test_json_has_iso_times_seconds_and_every_partition() -> None:
    (one,) = found([described()], log(MINUTES, 42, 50, p7=42))
    assert text.as_json(one, gone(), NOW) == {
        "id": ID,
        "prefix": "tickloom",
        "job": "candles",
        "topic": "md.candles.1m.v1",
        "state": "Ongoing",
        "producer_id": 7,
        "epoch": 2,
        "started": "2026-01-05T14:29:00+00:00",
        "age_s": 60.0,
        "expires": "2026-01-05T14:44:00+00:00",
        "owner": "gone",
        "holds": True,
        "hidden": 8,
        "partitions": [
            {
                "topic": "md.candles.1m.v1",
                "partition": 0,
                "first_offset": 42,
                "last_stable_offset": 42,
                "end": 50,
                "holds": True,
                "hidden": 8,
            }
        ],
    }


def test_show_says_where_a_transaction_begins_what_it_hides_and_when_kafka_aborts_it() -> None:
    (one,) = found(
        [described(places=(MINUTES, SECONDS))], log(MINUTES, 42, 50, p7=42), log(SECONDS, 9, 13, p7=10, p8=9)
    )
    shown = dict(text.lines(one, gone(), NOW))
    assert shown["  md.candles.1m.v1 0"] == "its first offset is 42: holds readers at 42 of 50, 8 records hidden"
    assert shown["  md.candles.1s.v1 1"] == "its first offset is 10; readers are at 9 of 13, held by an older one"
    assert shown["began"] == "2026-01-05T14:29:00Z, 1m 0s ago"
    assert shown["Kafka aborts it"] == "2026-01-05T14:44:00Z, unless it ends before"
    assert shown["owner"] == "gone: no tickloom-candles with the prefix tickloom runs on 127.0.0.1:8081"


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0s"), (12, "12s"), (185, "3m 5s"), (7_200, "2h 0m"), (97_200, "1d 3h")]
)
def test_a_duration_is_told_by_its_two_largest_units(seconds: int, shown: str) -> None:
    assert text.duration(timedelta(seconds=seconds)) == shown
