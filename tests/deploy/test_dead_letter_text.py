"""What `tickloom dlq` shows of dead letters cannot be taken for anything else."""

from io import StringIO

import pytest
from rich.console import Console

from deploy.dead_letter_text import as_json, iso, printable, table
from services.dead_letters import Group, Origin

AT = 1_700_000_000 * 10**9


def test_a_group_as_json_has_iso_times_and_its_origin_as_show_takes_it() -> None:
    assert as_json(Group("size", "reject", "A", 2, 1, AT, None, Origin(3, 42))) == {
        "rule": "size",
        "severity": "reject",
        "symbol": "A",
        "count": 2,
        "replayed": 1,
        "first": "2023-11-14T22:13:20.000000Z",
        "last": None,
        "latest": "3:42",
    }


def test_a_symbol_is_shown_as_it_is_and_not_as_markup_or_control() -> None:
    console = Console(width=200, file=StringIO())
    with console.capture() as shown:
        console.print(table([Group("size", "reject", "[red]\x1b[2J", 1)]))
    assert "[red]\N{REPLACEMENT CHARACTER}[2J" in shown.get()


@pytest.mark.parametrize(("text", "shown"), [("BTC-USD é😀", "BTC-USD é😀"), ("a\nb\x07", "a\ufffdb\ufffd")])
def test_what_a_terminal_would_obey_is_replaced(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_the_earliest_and_the_latest_time_can_be_shown() -> None:
    assert iso(-(2**63)) == "1677-09-21T00:12:43.145224Z"
    assert iso(2**63 - 1) == "2262-04-11T23:47:16.854775Z"
