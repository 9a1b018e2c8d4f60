"""Every change of the tables of reference data is on its topic, in order, and after a kill the last ones are still."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from deploy.stack import Stack, ports
from schemas.topics import CORPORATE_ACTIONS
from tests.deploy.monitoring.promql import CAPTURE, naming, unanswered
from tests.integration import stacks
from tests.integration.candle_job import wait_until
from tests.integration.capturing import await_server, capturing, changes, migrated, rows
from tests.integration.test_monitoring import scrape, total

pytestmark = pytest.mark.integration

INSERT = """
    insert into reference.instruments (symbol, valid_from, type, currency, multiplier)
    values (%s, %s, 'equity', 'USD', %s)
"""
UPDATE = "update reference.instruments set multiplier = %s where symbol = %s"
DELETE = "delete from reference.instruments where symbol = %s"
V1, V2 = "2026-01-05T14:30:00Z", "2026-02-01T00:00:00.25Z"


@pytest.fixture
def name() -> str:
    """Symbols of a test begin with it."""
    return uuid4().hex[:8]


def table(connection: "psycopg.Connection[Any]") -> dict[tuple[str, ...], str]:
    """Multiplier by symbol and time."""
    found = connection.execute("select symbol, valid_from, multiplier::text from reference.instruments")
    return {(symbol, f"{at:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"): multiplier for symbol, at, multiplier in found}


def equal(stack: Stack, name: str, connection: "psycopg.Connection[Any]") -> Callable[[], bool]:
    def same() -> bool:
        held = {key: row["multiplier"] for key, row in rows(changes(stack, name)).items()}
        return held == table(connection)

    return same


def test_rows_that_are_there_come_first_and_then_every_change_in_order(
    stack: Stack, url: str, name: str, tmp_path: Path
) -> None:
    with psycopg.connect(migrated(url), autocommit=True, options="-c timezone=UTC") as connection:
        connection.execute(INSERT, [f"{name}-A", V1, "1"])
        with capturing(stack, url, tmp_path / "log"):
            connection.execute(INSERT, [f"{name}-A", V2, "10.5"])
            connection.execute(UPDATE, ["0.000000000001", f"{name}-A"])
            connection.execute(DELETE, [f"{name}-A"])
            connection.execute(
                "insert into reference.corporate_actions (symbol, effective, type, ratio) values (%s, %s, 'split', 2)",
                [f"{name}-A", V1],
            )
            wait_until(lambda: len(changes(stack, name)) == 8 and actions(stack, name) != [], "the changes")

    found = changes(stack, name)
    first, second = ({"symbol": f"{name}-A", "valid_from": at} for at in ("2026-01-05T14:30:00.000Z", V2[:-2] + "50Z"))
    assert [(each.key, each.value and (each.value["op"], multiplier(each.value))) for each in found] == [
        (first, ("r", "1.000000000000")),
        (second, ("c", "10.500000000000")),
        (first, ("u", "0.000000000001")),
        (second, ("u", "0.000000000001")),
        (first, ("d", None)),
        (first, None),
        (second, ("d", None)),
        (second, None),
    ]
    assert actions(stack, name) == [("split", "2.000000000000")]


def multiplier(value: dict[str, Any]) -> str | None:
    return str(value["after"]["multiplier"]) if value["after"] else None


def actions(stack: Stack, name: str) -> list[tuple[str, str]]:
    found = rows(changes(stack, name, CORPORATE_ACTIONS)).values()
    return [(row["type"], row["ratio"]) for row in found]


def test_after_kills_the_topic_holds_what_the_table_does_also_what_changed_meanwhile(
    stack: Stack, url: str, name: str, tmp_path: Path
) -> None:
    with psycopg.connect(migrated(url), autocommit=True, options="-c timezone=UTC") as connection:
        for number in range(40):
            connection.execute(INSERT, [f"{name}-{number}", V1, "1"])
        for life in range(2, 5):
            with capturing(stack, url, tmp_path / "log") as capture:
                for number in range(40):
                    connection.execute(UPDATE, [life, f"{name}-{number}"])
                capture.kill()
            connection.execute(DELETE, [f"{name}-{life}"])
            connection.execute(UPDATE, [100 * life, f"{name}-{10 * life}"])
        with capturing(stack, url, tmp_path / "log"):
            wait_until(equal(stack, name, connection), "the table")
        assert len(table(connection)) == 37


def test_what_alerts_ask_of_capturing_is_told(stack: Stack, url: str, tmp_path: Path) -> None:
    (port,) = ports.free(1)
    with capturing(stack, migrated(url), tmp_path / "log", f"--metrics-port={port}"):
        address = f"{ports.HOST}:{port}"
        wait_until(lambda: total(scrape(address), "tickloom_reference_running") == 1, "that it captures")
        assert unanswered(naming(CAPTURE), scrape(address)) == {}


def test_a_server_that_is_started_again_is_waited_for(stack: Stack, url: str, name: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with capturing(stack, migrated(url), log):
        stack.processes()["postgres"].send_signal(signal.SIGINT)
        wait_until(lambda: "tried again" in log.read_text(), "a failure that is told")
        with psycopg.connect(await_server(url), autocommit=True, options="-c timezone=UTC") as connection:
            connection.execute(INSERT, [f"{name}-A", V1, "1"])
            wait_until(equal(stack, name, connection), "the row")
    (line, *_) = [line for line in log.read_text().splitlines() if "tried again" in line]
    assert "terminating connection due to administrator command" in line


def test_a_second_service_for_one_database_is_refused_also_when_only_the_worker_of_the_first_is_left(
    stack: Stack, url: str, tmp_path: Path
) -> None:
    with capturing(stack, migrated(url), tmp_path / "log") as capture:
        worker = capture.worker()
        capture.process.kill()
        capture.process.wait()
        second = stacks.tickloom(stack.folder, "reference", "run", check=False, TICKLOOM_POSTGRES_URL=url)
        worker.terminate()
        worker.wait(30)
    assert second.returncode == 1
    assert second.stderr.splitlines()[-1].startswith(f"tickloom: process {worker.pid} works in {stack.folder}")


def test_changes_that_the_server_has_not_kept_are_told_with_the_remedy(stack: Stack, url: str, tmp_path: Path) -> None:
    with capturing(stack, migrated(url), tmp_path / "log"):
        wait_until(lambda: any(stack.folder.glob(f"reference/*{url[-32:]}/offsets")), "the offsets")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = current_database()"
        )
    again = stacks.tickloom(stack.folder, "reference", "run", check=False, TICKLOOM_POSTGRES_URL=url)
    assert again.returncode == 1
    assert "PostgreSQL has not kept all changes (max_slot_wal_keep_size): drop the slot tickloom_test_" in again.stderr


@pytest.mark.parametrize(
    ("statement", "refusal"),
    [
        (
            "delete from reference.instruments where valid_from = '2026-02-01Z'",
            "is not taken back while an earlier one",
        ),
        (
            "update reference.instruments set valid_from = valid_from + interval '1 h'",
            "keeps its symbol and valid_from",
        ),
        ("update reference.instruments set symbol = 'B'", "keeps its symbol and valid_from"),
        ("update reference.instruments set multiplier = 'NaN'", "violates check constraint"),
        ("insert into reference.instruments values ('B', 'infinity', 'fund', '', 'USD')", "violates check constraint"),
    ],
)
def test_a_change_that_no_job_could_follow_is_refused(url: str, statement: str, refusal: str) -> None:
    with psycopg.connect(migrated(url), autocommit=True) as connection:
        for at in ("2026-01-01Z", "2026-02-01Z"):
            connection.execute(INSERT, ["A", at, 1])
        with pytest.raises(psycopg.Error, match=refusal):
            connection.execute(statement)
        connection.execute("update reference.instruments set multiplier = 2")
        connection.execute("delete from reference.instruments where valid_from = '2026-01-01Z'")
        connection.execute("delete from reference.instruments")


def test_an_idle_database_does_not_keep_its_log(stack: Stack, url: str, tmp_path: Path) -> None:
    with psycopg.connect(migrated(url), autocommit=True) as connection, capturing(stack, url, tmp_path / "log"):
        connection.execute("create table noise as select generate_series(1, 100000)")
        (written,) = connection.execute("select pg_current_wal_lsn()").fetchone() or ("",)

        def released() -> bool:
            query = "select confirmed_flush_lsn >= %s from pg_replication_slots where database = current_database()"
            return connection.execute(query, [written]).fetchone() == (True,)

        wait_until(released, "the slot to let the log go", 30)
