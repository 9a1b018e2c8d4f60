"""What `tickloom stop` says when a job fails between its savepoint and the commit."""

import re

import pytest
from click.testing import CliRunner

from deploy import savepoints
from deploy.commands.stop import stop
from deploy.errors import UserError
from deploy.savepoints import Stopped

PATH = "file:/savepoints/savepoint-1"


def test_what_is_not_committed_is_said_and_how_to_commit_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(savepoints, "stop", lambda *_, **__: Stopped(PATH, is_committed=False))
    with pytest.raises(UserError, match=f"failed after its savepoint.*{re.escape(f'submit candles --from {PATH}`')}"):
        CliRunner().invoke(stop, ["candles", "--cluster", "localhost:1", "--drain"], catch_exceptions=False)
