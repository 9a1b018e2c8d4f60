"""`tickloom signals run` says in one line what keeps it from starting."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy.commands.signals import _memory, signals
from deploy.errors import UserError


def test_a_file_of_sources_that_is_none_is_named_before_anything_is_asked(tmp_path: Path) -> None:
    found = CliRunner().invoke(signals, ["run", "--sources", str(tmp_path / "sources.toml")])
    assert isinstance(found.exception, UserError)
    assert str(found.exception).startswith(str(tmp_path / "sources.toml"))
    assert "No such file" in str(found.exception)


def test_a_secret_that_is_nowhere_is_named(tmp_path: Path) -> None:
    file = tmp_path / "sources.toml"
    file.write_text('[alerts]\nkind = "webhook"\nsecret = "NOWHERE_AT_ALL"\nsymbols = { BTC = "BTC-USD" }\n')
    found = CliRunner().invoke(signals, ["run", "--sources", str(file)])
    assert isinstance(found.exception, UserError)
    assert "alerts.secret: NOWHERE_AT_ALL is neither in the environment nor" in str(found.exception)


def test_an_address_of_redis_that_is_none_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKLOOM_REDIS_URL", "127.0.0.1:6379")
    with pytest.raises(UserError, match=r"^TICKLOOM_REDIS_URL: Redis URL must specify"):
        _memory()
