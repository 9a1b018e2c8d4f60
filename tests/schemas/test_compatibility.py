"""What was written with any earlier version stays readable, or the field and the rule are named."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas import avro
from schemas.compatibility import breaks, check

DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 12}
FIRST: dict[str, Any] = {
    "type": "record",
    "name": "Trade",
    "namespace": "tickloom",
    "fields": [
        {"name": "symbol", "type": "string"},
        {"name": "venue", "type": ["null", "string"], "default": None},
        {"name": "ts_event", "type": "long"},
        {"name": "price", "type": DECIMAL},
        {"name": "conditions", "type": {"type": "array", "items": "string"}, "default": []},
        {"name": "action", "type": {"type": "enum", "name": "Action", "symbols": ["new", "cancel"]}},
    ],
}


def changed(field: str, **changes: Any) -> dict[str, Any]:
    schema = copy.deepcopy(FIRST)
    next(each for each in schema["fields"] if each["name"] == field).update(changes)
    return schema


def added(**field: Any) -> dict[str, Any]:
    return {**FIRST, "fields": [*FIRST["fields"], field]}


def without(name: str) -> dict[str, Any]:
    return {**FIRST, "fields": [field for field in FIRST["fields"] if field["name"] != name]}


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (
            added(name="side", type="string"),
            "field side: added without a default, so records written with version 1 cannot be read",
        ),
        (
            changed("symbol", name="instrument"),
            "field instrument: added without a default, so records written with version 1 cannot be read",
        ),
        (
            changed("ts_event", type="string"),
            "field ts_event: type changed from long to string, so records written with version 1 cannot be read",
        ),
        (
            changed("ts_event", type="int"),
            "field ts_event: type changed from long to int, so records written with version 1 cannot be read",
        ),
        (
            changed("venue", type="string"),
            "field venue: no longer nullable, so records written with version 1 cannot be read",
        ),
        (
            changed("action", type={"type": "enum", "name": "Action", "symbols": ["new"]}),
            "field action: enum symbols cancel removed, so records written with version 1 cannot be read",
        ),
        (
            changed("conditions", type={"type": "array", "items": "long"}),
            "field conditions: type changed from array of string to array of long, "
            "so records written with version 1 cannot be read",
        ),
        ({**FIRST, "name": "Tick"}, "record Tick: called Trade in version 1, without an alias"),
    ],
)
def test_a_break_of_avros_rules_names_the_field_and_the_rule(schema: dict[str, Any], reason: str) -> None:
    assert [str(broken) for broken in breaks(schema, {1: FIRST})] == [reason]


@pytest.mark.parametrize(
    ("field", "avro_type", "change"),
    [
        ("price", {**DECIMAL, "scale": 18}, "decimal(38, 12) to decimal(38, 18)"),
        ("price", {**DECIMAL, "precision": 20}, "decimal(38, 12) to decimal(20, 12)"),
        ("price", ["null", {**DECIMAL, "scale": 18}], "decimal(38, 12) to null or decimal(38, 18)"),
        ("price", "bytes", "decimal(38, 12) to bytes"),
        ("price", "string", "decimal(38, 12) to string"),
        ("ts_event", {"type": "long", "logicalType": "timestamp-micros"}, "long to timestamp-micros"),
    ],
)
def test_a_change_that_avro_would_misread_without_a_word_is_a_break(field: str, avro_type: Any, change: str) -> None:
    assert [str(broken) for broken in breaks(changed(field, type=avro_type), {1: FIRST})] == [
        f"field {field}: type changed from {change}, so values written with version 1 would be misread"
    ]


@pytest.mark.parametrize(
    "schema",
    [
        FIRST,
        {**FIRST, "doc": "other words"},
        added(name="side", type=["null", "string"], default=None),
        without("venue"),
        changed("price", type=["null", DECIMAL]),
        changed("symbol", name="instrument", aliases=["symbol"]),
        changed("action", type={"type": "enum", "name": "Action", "symbols": ["new", "cancel", "bust"]}),
    ],
)
def test_what_stays_readable_is_no_break(schema: dict[str, Any]) -> None:
    assert breaks(schema, {1: FIRST}) == []


def test_the_check_is_transitive() -> None:
    second = without("symbol")
    third = FIRST
    assert breaks(second, {1: FIRST}) == []
    assert breaks(third, {1: FIRST}) == []
    assert [str(broken) for broken in breaks(third, {1: FIRST, 2: second})] == [
        "field symbol: added without a default, so records written with version 2 cannot be read"
    ]


def test_a_schema_that_is_no_avro_is_named() -> None:
    with pytest.raises(ValueError, match="schema Trade is not valid Avro"):
        breaks(changed("symbol", type="strng"), {1: FIRST})
    with pytest.raises(ValueError, match="version 1 of schema Trade is a string, not a record"):
        breaks(FIRST, {1: {"type": "string"}})


@pytest.mark.parametrize("name", avro.names())
def test_our_schemas_are_compatible_with_their_history(name: str) -> None:
    assert avro.history(name)
    assert check(name) == []


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Writes trade.avsc and its history into a folder of their own, and puts it in the place of schemas/."""
    (tmp_path / "history" / "trade").mkdir(parents=True)
    monkeypatch.setattr(avro, "FOLDER", tmp_path)

    def write(schema: dict[str, Any], **history: dict[str, Any]) -> None:
        (tmp_path / "trade.avsc").write_text(json.dumps(schema))
        for version, earlier in history.items():
            (tmp_path / "history" / "trade" / f"{version[1:]}.avsc").write_text(json.dumps(earlier))

    return write


def test_a_compatible_change_must_be_added_to_the_history(write: Callable[..., None]) -> None:
    second = without("venue")
    write(second, v1=FIRST)
    assert check("trade") == ["trade.avsc changed: add it as schemas/history/trade/2.avsc"]
    write(second, v1=FIRST, v2=second)
    assert check("trade") == []


def test_a_breaking_change_is_told_as_such_even_when_it_was_added_to_the_history(
    write: Callable[..., None],
) -> None:
    second = added(name="side", type="string")
    broken = "trade.avsc, field side: added without a default, so records written with version 1 cannot be read"
    write(second, v1=FIRST)
    assert check("trade") == [broken]
    write(second, v1=FIRST, v2=second)
    assert check("trade") == [broken]


def test_the_tenth_version_comes_after_the_ninth(write: Callable[..., None]) -> None:
    write(without("venue"), v9=FIRST, v10=without("venue"))
    assert list(avro.history("trade")) == [9, 10]
    assert check("trade") == []
