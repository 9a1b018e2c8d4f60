"""Users' own tables follow to their topics, are told nowhere else, and what is deleted is gone from the files."""

import json
import os
import shutil
import signal
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from deploy.stack import Stack
from jobs.topics import FORGETTING
from schemas.topics import USERS
from schemas.users import COLUMNS
from tests.integration import stacks
from tests.integration.candle_job import wait_until
from tests.integration.capturing import Change, await_server, capturing, changes, migrated, rows

pytestmark = pytest.mark.integration

ACCOUNTS, WATCH_LISTS, STRATEGIES = USERS
ACCOUNT = "insert into users.accounts (name, email) values (%s, %s) returning id"
WATCH_LIST = "insert into users.watch_lists (account, name, symbols) values (%s, 'mine', %s)"
STRATEGY = "insert into users.strategies (account, name, parameters) values (%s, 'mine', %s)"
DELETE = "delete from users.accounts where id = %s"
SOON = {"max.compaction.lag.ms": "1000", "file.delete.delay.ms": "1000"}
GONE_S = 120


@pytest.fixture
def canary() -> str:
    """A personal value that nobody else has."""
    return f"canary-{uuid4().hex}@example.org"


def opened(connection: "psycopg.Connection[Any]", canary: str) -> UUID:
    """An account that has the canary in every personal field, also of its watch list and its strategy."""
    (account,) = connection.execute(ACCOUNT, [f"Ann {canary}", canary]).fetchone() or ("",)
    connection.execute(WATCH_LIST, [account, [f"{canary}-ACME"]])
    connection.execute(STRATEGY, [account, json.dumps({"told": canary})])
    return UUID(str(account))


def of(found: list[Change], account: UUID) -> list[Change]:
    """Of a topic's changes those of an account."""
    keys = {each.key["id"] for each in found if str(account) in json.dumps(each)}
    return [each for each in found if each.key["id"] in keys]


def held(stack: Stack, topic: str, account: UUID) -> list[dict[str, Any]]:
    return list(rows(of(changes(stack, topic=topic), account)).values())


def having(text: str, files: Iterable[Path]) -> list[Path]:
    """The files that have a text in them."""
    found = []
    for file in files:
        with suppress(FileNotFoundError):  # gone meanwhile
            found += [file] if file.is_file() and text.encode() in file.read_bytes() else []
    return found


def segments(stack: Stack) -> list[Path]:
    return [file for topic in USERS for file in (stack.folder / "kafka" / "data" / f"{topic}-0").glob("*")]


def workers(stack: Stack) -> list[Path]:
    """The logs of Kafka Connect."""
    return list(stack.folder.glob("reference/*/connect.log"))


@contextmanager
def configured(stack: Stack, topics: Iterable[str], values: Mapping[str, str]) -> Iterator[None]:
    """Topics with other settings, for a while."""
    admin = AdminClient(stack.kafka_client())

    def alter(operation: AlterConfigOpType, values: Mapping[str, str]) -> None:
        entries = [ConfigEntry(name, value, incremental_operation=operation) for name, value in values.items()]
        wanted = [ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries) for topic in topics]
        for future in admin.incremental_alter_configs(wanted).values():
            future.result(30)

    alter(AlterConfigOpType.SET, values)
    try:
        yield
    finally:
        alter(AlterConfigOpType.DELETE, values)
        alter(AlterConfigOpType.SET, FORGETTING)


def test_rows_follow_to_their_topics_without_what_they_were_before(
    stack: Stack, url: str, canary: str, tmp_path: Path
) -> None:
    with psycopg.connect(migrated(url), autocommit=True) as connection, capturing(stack, url, tmp_path / "log"):
        account = opened(connection, canary)
        connection.execute("update users.accounts set email = 'ann@example.org' where id = %s", [account])
        wait_until(lambda: len(of(changes(stack, topic=ACCOUNTS), account)) == 2, "the change of the e-mail")
        wait_until(lambda: held(stack, STRATEGIES, account) != [], "the strategy")

    created, changed = of(changes(stack, topic=ACCOUNTS), account)
    assert created.key == changed.key == {"id": str(account)}
    assert created.value
    assert changed.value
    assert created.value["after"] == {"id": str(account), "name": f"Ann {canary}", "email": canary}
    assert changed.value["after"] == {"id": str(account), "name": f"Ann {canary}", "email": "ann@example.org"}
    assert "before" not in created.value | changed.value
    assert [(row["name"], row["symbols"]) for row in held(stack, WATCH_LISTS, account)] == [
        ("mine", [f"{canary}-ACME"])
    ]
    assert [json.loads(row["parameters"]) for row in held(stack, STRATEGIES, account)] == [{"told": canary}]


def test_no_log_tells_what_is_personal_also_when_something_fails(
    stack: Stack, url: str, canary: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"

    def told() -> list[Path]:
        return having(canary, [log, *workers(stack), *stack.folder.glob("logs/*")])

    with psycopg.connect(migrated(url), autocommit=True) as connection:
        with capturing(stack, url, log):
            account = opened(connection, canary)
            refuse(connection, canary)
            connection.execute(f"select pg_sleep(1.1), '{canary}'")
            wait_until(lambda: held(stack, ACCOUNTS, account) != [], "the account")
            with configured(stack, [ACCOUNTS], {"max.message.bytes": "300"}):
                second = opened(connection, f"second-{canary}")
                wait_until(lambda: "tried again" in log.read_text(), "a failure that is told")
                assert having(f"failed to send record to {ACCOUNTS}", workers(stack))
            wait_until(lambda: held(stack, ACCOUNTS, second) != [], "the account that was too large")
            assert told() == []
        with capturing(stack, url, log):
            connection.execute(DELETE, [account])
            wait_until(lambda: held(stack, ACCOUNTS, account) == [], "the deletion")
    crash(url, canary)
    wait_until(lambda: having("was terminated by signal 9", stack.folder.glob("logs/postgres.log")) != [], "the crash")
    await_server(url)
    assert told() == []
    assert having(canary, segments(stack)), "nothing is found that way"


def refuse(connection: "psycopg.Connection[Any]", canary: str) -> None:
    """Send statements that fail, of which the server's answer has the canary."""
    for statement in (
        f"insert into users.accounts (name, email) values ('Ann', '{canary}')",
        f"insert into users.accounts (name, email) values (null, '{canary}')",
        f"insert into users.accounts (id, name, email) values ('{canary}', 'Ann', '')",
    ):
        with pytest.raises(psycopg.Error, match=canary):
            connection.execute(statement)


def crash(url: str, canary: str) -> None:
    """Kill a process of the server while it runs a statement that has the canary."""
    connection = psycopg.connect(url)
    connection.pgconn.send_query(f"select pg_sleep(60), '{canary}'".encode())
    connection.pgconn.flush()
    time.sleep(1)
    os.kill(connection.info.backend_pid, signal.SIGKILL)
    connection.close()


def test_of_a_deleted_account_nothing_is_left_in_the_files_of_the_topics(
    stack: Stack, url: str, canary: str, tmp_path: Path
) -> None:
    with psycopg.connect(migrated(url), autocommit=True) as connection, capturing(stack, url, tmp_path / "log"):
        other = opened(connection, f"other-{uuid4().hex}")
        account = opened(connection, canary)
        wait_until(lambda: all(held(stack, topic, account) for topic in USERS), "the rows")
        assert {file.parent.name for file in having(canary, segments(stack))} == {f"{topic}-0" for topic in USERS}
        with configured(stack, USERS, SOON):
            connection.execute(DELETE, [account])
            wait_until(lambda: having(canary, segments(stack)) == [], "an end of the account", GONE_S)
    assert [len(held(stack, topic, other)) for topic in USERS] == [1, 1, 1]


def test_a_row_that_was_deleted_unseen_is_ended_when_its_tables_are_read_anew(
    stack: Stack, url: str, canary: str, tmp_path: Path
) -> None:
    with psycopg.connect(migrated(url), autocommit=True) as connection:
        with capturing(stack, url, tmp_path / "log"):
            other, account = opened(connection, "other"), opened(connection, canary)
            wait_until(lambda: all(held(stack, topic, account) for topic in USERS), "the rows")
        connection.execute(DELETE, [account])
        connection.execute(
            "select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = current_database()"
        )
        (folder,) = stack.folder.glob(f"reference/*{url[-32:]}")
        shutil.rmtree(folder)
        with capturing(stack, url, tmp_path / "log"):
            assert [held(stack, topic, account) for topic in USERS] == [[], [], []]
    assert [len(held(stack, topic, other)) for topic in USERS] == [1, 1, 1]


def test_every_column_is_declared_and_no_key_is_personal(url: str) -> None:
    columns = "select table_name, column_name from information_schema.columns where table_schema = 'users'"
    keys = """
        select table_name, column_name
        from information_schema.key_column_usage natural join information_schema.table_constraints
        where table_schema = 'users' and constraint_type in ('PRIMARY KEY', 'FOREIGN KEY')
    """
    with psycopg.connect(migrated(url)) as connection:
        assert set(connection.execute(columns)) == {(table, each) for table in COLUMNS for each in COLUMNS[table]}
        found = set(connection.execute(keys))
    assert {COLUMNS[table][column] for table, column in found} == {False}
    assert {table for table, _ in found} == set(COLUMNS)


def test_a_table_is_not_truncated_because_topics_would_keep_its_rows(url: str) -> None:
    with psycopg.connect(migrated(url), autocommit=True) as connection:
        for table in COLUMNS:
            with pytest.raises(psycopg.Error, match="stay on the topics: delete them"):
                connection.execute(f"truncate users.{table} cascade")


def test_what_the_topics_hold_is_shown_without_what_is_personal(
    stack: Stack, url: str, canary: str, tmp_path: Path
) -> None:
    with psycopg.connect(migrated(url), autocommit=True) as connection, capturing(stack, url, tmp_path / "log"):
        account = opened(connection, canary)
        wait_until(lambda: held(stack, ACCOUNTS, account) != [], "the account")
    producer = Producer(stack.kafka_client())
    for number, junk in enumerate((f"{canary}, no JSON", json.dumps([canary]), json.dumps({"after": canary}))):
        producer.produce(ACCOUNTS, junk, f"{canary} {number}")
    assert producer.flush(30) == 0

    shown = stacks.tickloom(stack.folder, "reference", "show", "accounts")
    assert {"id": str(account), "name": "****", "email": "****"} in map(json.loads, shown.stdout.splitlines())
    assert shown.stderr.count("no change of a row") == 3
    assert canary not in shown.stdout + shown.stderr
