"""The rules file: what it may say, and what a wrong one is told."""

import json
from pathlib import Path

import pytest

from udfs import rules
from udfs.rules import RulesError

BAND = 'kind = "band"\npercent_max = "2.5"\nreset_after_ms = 1000\nreset_after_trades = 3\nseverity = "flag"'


def written(folder: Path, *of_rules: str) -> Path:
    file = folder / "rules.toml"
    file.write_text("version = 1\n" + "".join(f"[[rules]]\n{rule}\n" for rule in of_rules))
    return file


def rule(text: str, name: str = "r", severity: str = "reject") -> str:
    return f'name = "{name}"\nseverity = "{severity}"\n{text}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('kind = "range"\nfield = "price"', "rule 1: a range needs one of above, at_least, below, at_most"),
        ('kind = "range"\nfield = "price"\nabove = "1"\nat_least = "1"', "rule 1: above and at_least, or below and"),
        ('kind = "range"\nfield = "price"\nabove = 0.5', "rule 1, above: 0.5 is no exact number"),
        ('kind = "range"\nfield = "price"\nabove = "0.0000000000001"', "rule 1, above: .* does not fit decimal.38, 12"),
        ('kind = "range"\nfield = "venue"\nabove = "1"', "rule 1, field: Input should be 'price' or 'size'"),
        ('kind = "guess"', "rule 1: Input tag 'guess' found using 'kind' does not match any of the expected tags"),
        ('kind = "future"\nahead_ms_max = 0', "rule 1, ahead_ms_max: Input should be greater than 0"),
        ('kind = "future"\nahead_ms_max = 1\nahead_s = 2', "rule 1, ahead_s: Extra inputs are not permitted"),
        ('kind = "future"\nahead_ms_max = 1\nsymbols = []', "rule 1, symbols: Tuple should have at least 1 item"),
        ('kind = "allowed"\nfield = "venue"\nvalues = []', "rule 1, values: Tuple should have at least 1 item"),
        ('kind = "required"\nfield = "price"', "rule 1, field: Input should be 'venue', 'trade_id', "),
    ],
)  # fmt: skip
def test_a_wrong_rule_is_named_with_what_is_allowed(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RulesError, match=f"rules.toml: {message}") as refused:
        rules.load(written(tmp_path, rule(text)))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("", "version: Field required"),
        ("version = 2\nrules = []", "version: Input should be 1"),
        ("version = ", "Invalid value"),
        ("version = 1\nrules = []\n[more]", "more: Extra inputs are not permitted"),
    ],
)
def test_a_file_that_holds_no_rules_is_refused(tmp_path: Path, file: str, message: str) -> None:
    (tmp_path / "rules.toml").write_text(file)
    with pytest.raises(RulesError, match=f"rules.toml: {message}"):
        rules.load(tmp_path / "rules.toml")


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(RulesError, match=r"^nowhere\.toml: No such file or directory$"):
        rules.load("nowhere.toml")


def test_the_second_of_two_rules_is_called_the_second(tmp_path: Path) -> None:
    file = written(tmp_path, rule('kind = "stale"\nage_ms_max = 1'), rule('kind = "stale"\nage_ms_max = "1"', "s"))
    with pytest.raises(RulesError, match="rule 2, age_ms_max: Input should be a valid integer"):
        rules.load(file)


def test_a_name_stands_for_one_kind_of_rule(tmp_path: Path) -> None:
    file = written(tmp_path, rule('kind = "stale"\nage_ms_max = 1'), rule('kind = "future"\nahead_ms_max = 1'))
    with pytest.raises(RulesError, match="rules: 'r' names two rules of different kinds or fields: rename one"):
        rules.load(file)


def test_a_symbol_has_one_band(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="rules: one and two are both bands: a symbol has one"):
        rules.load(written(tmp_path, f'name = "one"\n{BAND}', f'name = "two"\n{BAND}'))


def test_the_connector_gets_amounts_and_percentages_as_exact_texts(tmp_path: Path) -> None:
    ranged = rule('kind = "range"\nfield = "price"\nat_most = "99999999999999999999999999.999999999999"')
    given = json.loads(rules.load(written(tmp_path, ranged, f'name = "band"\n{BAND}')).for_connector())
    assert given["rules"][0] == {
        "name": "r",
        "severity": "reject",
        "symbols": ["*"],
        "kind": "range",
        "field": "price",
        "at_most": "99999999999999999999999999.999999999999",
    }
    assert given["rules"][1]["percent_max"] == "2.5000"
