"""The least rights of each role, as they follow from the settings."""

import pytest

from deploy import acl, jobs
from deploy.errors import UserError
from jobs import kafka
from jobs.access import ROLES
from jobs.settings import Settings
from schemas import topics

SETTINGS = Settings.load({"resolutions": "1s,1m", "transactional_id_prefix": "desk", "trades_topic": "ticks"})


def rights(role: str) -> set[tuple[str, str, str]]:
    """(operation, resource, name; with … where it is the beginning of one)."""
    found = acl.of(role, f"User:{role}", SETTINGS)
    return {(each.operation, each.resource, each.name + "…" * (each.pattern == "PREFIXED")) for each in found}


def test_a_producer_may_write_trades_quotes_and_books_and_nothing_else() -> None:
    assert rights("producer") == {("WRITE", "TOPIC", name) for name in ("ticks", "md.quotes.v1", "md.books.v1")}


def test_the_intake_of_signals_may_make_and_write_its_two_topics_and_read_nothing() -> None:
    names = ("md.signals.v1", "md.signals.rejected.v1")
    assert rights("signals") == {(operation, "TOPIC", name) for operation in ("WRITE", "CREATE") for name in names}


def test_a_reader_may_read_what_is_published_but_not_the_trades_and_write_nothing() -> None:
    found = rights("reader")
    assert {("READ", "TOPIC", name) for name in ("md.candles.1m.v1", "md.signals.v1")} <= found
    assert ("READ", "GROUP", "desk-reader…") in found
    assert ("READ", "TOPIC", "ticks") not in found
    assert {operation for operation, _, _ in found} == {"READ", "DESCRIBE"}


def test_the_candle_job_may_write_its_sinks_in_its_own_transactions_and_only_read_the_trades() -> None:
    found = rights("candles")
    written = {name for operation, resource, name in found if (operation, resource) == ("WRITE", "TOPIC")}
    assert written == {topic for _, topic, _ in kafka.candle_sinks(SETTINGS)}
    assert ("READ", "TOPIC", "ticks") in found
    assert {each for each in found if each[1] not in ("TOPIC", "CLUSTER")} == {
        ("READ", "GROUP", "desk-candles"),
        ("WRITE", "TRANSACTIONAL_ID", "desk/candles/…"),
    }


@pytest.mark.parametrize("job", [name for name in jobs.NAMES if name != "lake"])
def test_every_transactional_id_of_a_job_begins_as_it_was_granted_and_no_other_jobs_do(job: str) -> None:
    (granted,) = [name.rstrip("…") for _, resource, name in rights(job) if resource == "TRANSACTIONAL_ID"]
    ids = {other: kafka.transactional_id_prefix(other, "md.late.v1", SETTINGS) for other in ROLES}
    assert [other for other, identity in ids.items() if identity.startswith(granted)] == [job]


def test_who_resolves_transactions_may_end_those_of_every_job_and_write_no_topic() -> None:
    found = rights("txn")
    assert ("WRITE", "TRANSACTIONAL_ID", "desk/…") in found
    assert {operation for operation, resource, _ in found if resource == "TOPIC"} == {"READ"}
    assert {topic for _, topic, _ in kafka.candle_sinks(SETTINGS)} <= {name for _, _, name in found}


def test_the_reference_of_another_feed_is_read_and_never_created() -> None:
    settings = SETTINGS.model_copy(update={"reference_topic": "theirs"})
    found = {each.operation for each in acl.of("quality", "User:q", settings) if each.name == "theirs"}
    assert found == {"READ"}


def test_what_is_printed_as_json_is_what_is_applied_from_a_file() -> None:
    granted = acl.of("reader", "User:alice", SETTINGS)
    assert acl.parse(acl.as_json(granted)) == granted


def test_a_file_that_holds_something_else_is_refused_with_the_place() -> None:
    text = acl.as_json(acl.of("producer", "User:p", SETTINGS)).replace("WRITE", "ALL")
    with pytest.raises(UserError, match=r"^0\.operation: Input should be 'READ', 'WRITE'"):
        acl.parse(text)


def test_kafkas_own_tool_is_given_the_same_rights() -> None:
    lines = [each.arguments() for each in acl.of("candles", "User:c", SETTINGS)]
    pooled = "--add --allow-principal User:c --operation Write --transactional-id desk/candles/"
    assert f"{pooled} --resource-pattern-type prefixed" in lines
    assert "--add --allow-principal User:c --operation DescribeConfigs --cluster" in lines


def test_what_is_users_own_may_be_read_by_its_role_and_by_who_captures_it_and_nobody_else() -> None:
    may = {(role, operation) for role in ROLES for operation, _, name in rights(role) if name in topics.USERS}
    assert may == {("users", "READ"), *(("reference", operation) for operation in ("READ", "WRITE", "CREATE"))}
