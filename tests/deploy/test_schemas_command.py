"""`tickloom schemas` on a line: what it says and how it ends."""

import json
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy.cli import cli
from deploy.errors import UserError
from schemas import avro

VERSIONS = len([*(avro.FOLDER / "history" / "trade").glob("*.avsc")])
"""Of trades."""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["schemas", *arguments])


@pytest.fixture
def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def test_check_names_the_schemas_that_are_compatible() -> None:
    result = run("check")
    assert result.exit_code == 0, result.output
    names = ", ".join(sorted(file.stem for file in avro.FOLDER.glob("*.avsc")))
    assert f"{names} are compatible with their history" in result.output


def test_check_fails_on_a_broken_schema_with_field_and_rule(folder: Path) -> None:
    trade = avro.load("trade")
    trade["fields"].append({"name": "side", "type": "string"})
    (folder / "trade.avsc").write_text(json.dumps(trade))
    result = run("check")
    assert result.exit_code == 1
    assert isinstance(result.exception, UserError)
    assert str(result.exception).splitlines() == [
        f"trade.avsc, field side: added without a default, so records written with version {number} cannot be read"
        for number in range(1, VERSIONS + 1)
    ]


def test_check_asks_for_a_changed_schema_in_the_history(folder: Path) -> None:
    trade = avro.load("trade")
    trade["fields"].append({"name": "side", "type": ["null", "string"], "default": None})
    (folder / "trade.avsc").write_text(json.dumps(trade))
    assert str(run("check").exception) == (f"trade.avsc changed: add it as schemas/history/trade/{VERSIONS + 1}.avsc")


def test_a_schema_that_is_not_json_is_named_with_the_line(folder: Path) -> None:
    (folder / "trade.avsc").write_text('{\n  "type": \n}')
    assert str(run("check").exception).startswith("schemas/trade.avsc, line 3: not JSON")


@pytest.mark.parametrize("command", ["check", "register"])
def test_a_registry_that_does_not_answer_is_one_line(command: str, closed_port: int) -> None:
    url = f"http://127.0.0.1:{closed_port}/apis/ccompat/v7"
    result = run(command, "--registry", url)
    assert isinstance(result.exception, UserError)
    assert str(result.exception).startswith(f"no registry answers at {url} ")
    assert "\n" not in str(result.exception)


def test_a_resolution_that_is_none_is_refused_with_what_is_allowed() -> None:
    result = run("register", "--registry", "http://127.0.0.1:1", "--resolution", "7x")
    assert result.exit_code == 2
    assert "'7x' is not a resolution: a whole number and s, m, h or d" in result.output
