"""The sale conditions that come with Tickloom, and what a file of one's own may say."""

from pathlib import Path

import pytest

from services.sale_conditions import SaleConditions
from udfs import conditions
from udfs.conditions import DEFAULTS, ConditionsError
from udfs.effects import REGULAR, Effects, When

NEVER = When.NEVER
US = {
    Effects(): "0 1 3 4 8 9 11 14 25 28 30 34",
    Effects(open_close=NEVER): "5 10 17 22 32",
    Effects(open_close=NEVER, high_low=NEVER): "2 7 13 20 21 29 37 52 53",
    Effects(volume=False): "38",
    Effects(open_close=NEVER, high_low=NEVER, volume=False): "15 16",
    Effects(extended_hours=True): "12",
}


@pytest.mark.parametrize("effects", US, ids=US.values())
def test_what_a_condition_of_us_equities_updates(effects: Effects) -> None:
    rules = conditions.load()
    assert {rules.effects("XNAS", [each]) for each in US[effects].split()} == {effects}


def test_venues_without_rules_and_trades_without_conditions_are_regular() -> None:
    rules = conditions.load()
    assert rules.effects("BITSTAMP", ["37"]) == rules.effects(None, ["37"]) == rules.effects("XNAS", []) == REGULAR


def test_several_conditions_restrict_each_other() -> None:
    assert conditions.load().effects("XNYS", ["5", "38"]) == Effects(open_close=NEVER, volume=False)


def test_effects_survive_their_bits() -> None:
    every = [
        Effects(open_close, high_low, volume, extended)
        for open_close in When
        for high_low in When
        for volume in (True, False)
        for extended in (True, False)
    ]
    assert [Effects.of_bits(each.bits) for each in every] == every
    assert REGULAR.bits == 0
    assert len({each.bits for each in every}) == 64


def test_the_independent_check_reads_the_same_out_of_every_set() -> None:
    for file in (DEFAULTS, Path(__file__).with_name("conditions.toml")):
        rules, check = conditions.load(file), SaleConditions(file)
        for each in rules.sets:
            venue = each.venues[0].replace("*", "1")
            for condition, effects in each.known.items():
                found = check.updates(venue, [condition])
                told = (found.open_close.replace(" ", "_").upper(), found.high_low.replace(" ", "_").upper())
                assert (*told, *found[2:]) == (effects.open_close.name, effects.high_low.name, *effects[2:])


WRONG = {
    "version = 2\nsets = []": "version: Input should be 1",
    'version = 1\n[[sets]]\nname = "a"\nvenues = []\nrules = []': "set 1, venues: Tuple should have at least 1 item",
    'version = 1\n[[sets]]\nname = "a"\nvenues = ["X"]\n[[sets.rules]]\nconditions = ["1"]\nhigh_low = "maybe"': (
        "set 1, rule 1, high_low: Input should be 'always', 'if first', 'if only' or 'never'"
    ),
    'version = 1\n[[sets]]\nname = "a"\nvenues = ["X"]\n[[sets.rules]]\nconditions = ["1", "1"]': (
        "set 1: condition 1 is in more than one rule of set 'a': keep one"
    ),
    'version = 1\n[[sets]]\nname = "a"\nvenues = ["X"]\nwins = ["2"]\nrules = []': (
        "set 1: wins of set 'a' names 2, which no rule does: add a rule"
    ),
    "version = ": "Invalid value",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_told_in_one_line(text: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(ConditionsError) as told:
        conditions.load(file)
    assert str(told.value).startswith(f"{file}: {WRONG[text]}")
    assert "\n" not in str(told.value)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(ConditionsError, match=r"^mine\.toml: No such file"):
        conditions.load("mine.toml")
