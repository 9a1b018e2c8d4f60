"""A file of sources says who may deliver; what is wrong with it is one line, and no secret is shown."""

from pathlib import Path

import pytest

from services.signals import adapters
from services.signals.sources import SourcesError, load
from tests.services.signals.deliveries import SECRET, TOKEN

ALERTS = '[alerts]\nkind = "webhook"\nsecret = "ALERTS"\nsymbols = { BTC = "BTC-USD" }\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sources.toml"


def test_a_source_has_its_secret_its_symbols_and_its_limit(file: Path) -> None:
    file.write_text(ALERTS + ALERTS.replace("alerts", "other") + 'limit = "3/minute"\n')
    found = load(file)
    assert found["alerts"].secret.get_secret_value() == SECRET
    assert [str(each.limit) for each in found.values()] == ["10 per 1 second", "3 per 1 minute"]
    assert adapters(found)["alerts"].symbols == {"BTC": "BTC-USD", "BTC-USD": "BTC-USD"}
    assert SECRET not in repr(found)


def test_a_secret_may_be_in_the_folder_of_secrets(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALERTS")
    monkeypatch.setenv("TICKLOOM_SECRETS_DIR", str(tmp_path))
    (tmp_path / "alerts").write_text(f"{SECRET}\n")
    file.write_text(ALERTS)
    assert load(file)["alerts"].secret.get_secret_value() == SECRET


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "names no source"),
        ("[alerts", "Expected ']'"),
        ('[alerts]\nkind = "slack"\n', "alerts.kind: Input should be 'webhook', 'telegram' or 'discord'"),
        (ALERTS.replace('"ALERTS"', '"NOWHERE"'), "NOWHERE is neither in the environment nor, as nowhere, in TICKLOOM"),
        (ALERTS.replace('"ALERTS"', "7"), "name the environment variable that holds the secret"),
        (ALERTS.replace('BTC = "BTC-USD"', ""), "alerts.symbols: "),
        (ALERTS + 'limit = "often"', "'often' is no limit, such as 10/second"),
        (ALERTS + "limits = 3", "alerts.limits: Extra inputs"),
        (ALERTS.replace("[alerts]", '["a/b"]'), "a/b.[key]: String should match pattern"),
    ],
)
def test_what_is_wrong_is_one_line_that_says_where(file: Path, text: str, told: str) -> None:
    file.write_text(text)
    with pytest.raises(SourcesError) as refused:
        load(file)
    assert str(refused.value).startswith(f"{file}: ")
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "told"),
    [("discord", "the secret of Discord is the public key, 64 hexadecimal digits"), ("webhook", "is Base64")],
)
def test_a_secret_of_another_form_is_told_without_showing_it(
    file: Path, kind: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERTS", f"{TOKEN}é")
    file.write_text(ALERTS.replace("webhook", kind))
    with pytest.raises(SourcesError, match=told) as refused:
        adapters(load(file))
    assert TOKEN not in str(refused.value)
