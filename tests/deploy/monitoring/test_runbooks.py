"""Every alert has a page that says how to look and how to mend, with commands that exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from deploy import paths
from deploy.cli import cli

MONITORING = paths.ROOT / "deploy" / "monitoring"
PAGES = sorted((MONITORING / "runbooks").glob("*.md"))
HEADINGS = ["## What it means", "## How to look", "## How to mend"]


def alerts() -> list[dict[str, Any]]:
    groups = YAML(typ="safe").load(MONITORING / "alerts.yml")["groups"]
    return [rule for group in groups for rule in group["rules"]]


def commands(page: str) -> Iterator[str]:
    """What begins with `tickloom`, in blocks of shell and between backticks."""
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", page, flags=re.DOTALL))
    yield from (each for each in [*lines, *inline] if each.split()[:1] == ["tickloom"])


def refusal(line: str) -> str | None:
    """Why a command line could not be run as it stands."""
    _, *words = shlex.split(line.split(" | ")[0])
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group) and words:
        found = command.get_command(context, words[0])
        if found is None:
            return f"there is no {words[0]}"
        command, words = found, words[1:]
    try:
        command.make_context(command.name, words, resilient_parsing=False)
    except click.UsageError as error:
        return error.format_message()
    return None


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    named = {each["annotations"]["runbook"] for each in alerts()}
    assert named == {f"runbooks/{page.name}" for page in PAGES}
    assert all(Path(each["annotations"]["runbook"]).stem == each["alert"] for each in alerts())


def test_every_alert_is_critical_or_a_warning_and_says_what_is_wrong() -> None:
    for each in alerts():
        assert each["labels"]["severity"] in ("critical", "warning")
        assert each["annotations"]["summary"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_says_what_it_means_how_to_look_and_how_to_mend(page: Path) -> None:
    text = page.read_text()
    assert text.splitlines()[0] == f"# {page.stem}"
    assert [line for line in text.splitlines() if line.startswith("## ")] == HEADINGS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_page_can_be_typed(page: Path) -> None:
    found = list(commands(page.read_text()))
    assert found
    assert {line: reason for line in found if (reason := refusal(line))} == {}


@pytest.mark.parametrize(
    "line",
    [
        "tickloom stauts",
        "tickloom logs candles",
        "tickloom submit candles --resolution 1m",
        "tickloom dlq list --all",
        "tickloom txn show",
    ],
)
def test_a_command_that_cannot_be_typed_is_found(line: str) -> None:
    assert refusal(line)
