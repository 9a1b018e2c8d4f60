"""How changes are captured: what the worker and its connector are told, and for how long a failure is borne."""

import re
from pathlib import Path
from threading import Event

import pytest

from deploy import connect, locks, paths, reference
from deploy.errors import UserError
from deploy.reference import GOOD_S, PATIENCE_S, Database, Patience
from jobs.settings import Settings
from jobs.topics import new_topic
from schemas.topics import INSTRUMENTS, TRADES, USERS

DATABASE = Database("postgresql://…", "db.example", 5432, "Desk-1", "ticks", "its password")


def test_the_connector_is_not_told_the_password_but_where_it_is() -> None:
    told = connect.properties(reference.connector(DATABASE))
    assert "its password" not in told + repr(DATABASE)
    assert f"database.password=${{file:{DATABASE.folder}/secrets.properties:password}}\n" in told


def test_a_databases_slot_has_a_name_that_postgresql_takes() -> None:
    assert DATABASE.slot == "tickloom_desk_1"
    assert DATABASE.folder == paths.STACK / "reference" / "db.example-5432-tickloom_desk_1"
    long = Database("", "", 5432, "d" * 63, "", "")
    assert len(long.slot) == 63


def test_java_reads_from_a_properties_file_what_was_written() -> None:
    assert connect.properties({"regex": r"a\.b", "pem": "one\ntwo"}) == "regex=a\\\\.b\npem=one\\ntwo\n"


def test_failures_that_follow_each_other_are_borne_for_a_while_and_later_ones_anew() -> None:
    patience, step = Patience(), GOOD_S - 1
    assert all(patience.lasts(at) for at in range(0, PATIENCE_S, step))
    assert not patience.lasts(PATIENCE_S)
    assert patience.lasts(PATIENCE_S + GOOD_S + 1)


def test_a_worker_that_was_killed_as_it_wrote_its_offsets_does_not_start_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "STACK", tmp_path)
    DATABASE.folder.mkdir(parents=True)
    DATABASE.offsets.touch()
    with pytest.raises(UserError, match="offsets is empty: drop the slot tickloom_desk_1, delete "):
        reference.run(Settings(), DATABASE, Event())


def test_two_workers_do_not_share_a_folder(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("a+") as first, (tmp_path / "lock").open("a+") as second:
        locks.hold(first, tmp_path)
        print(4711, file=first, flush=True)
        with pytest.raises(UserError, match=f"process 4711 works in {tmp_path} already: end it first"):
            locks.hold(second, tmp_path)


def test_a_topic_of_changes_is_one_compacted_partition_and_others_are_not() -> None:
    changes, trades = (new_topic(name, Settings(partitions=8)) for name in (INSTRUMENTS, TRADES))
    assert (changes.num_partitions, changes.config["cleanup.policy"]) == (1, "compact")
    assert (trades.num_partitions, trades.config) == (8, {"retention.ms": "-1"})


def test_of_users_tables_the_columns_are_captured_that_are_declared_and_no_others() -> None:
    captured = re.compile(str(reference.connector(DATABASE)["column.include.list"]).replace(",", "|"))
    assert captured.fullmatch("reference.instruments.anything")
    assert captured.fullmatch("users.accounts.email")
    assert not captured.fullmatch("users.accounts.born")


def test_a_topic_of_users_is_compacted_within_minutes() -> None:
    lags = {new_topic(name, Settings()).config["max.compaction.lag.ms"] for name in USERS}
    assert lags == {"600000"}
