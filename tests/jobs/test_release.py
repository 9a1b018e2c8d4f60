"""What a job does when it is to tell its state and wait for the one before it to stop."""

from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from jobs import environment, release

if TYPE_CHECKING:
    from pyflink.table import StatementSet


def test_a_job_without_a_compiled_plan_does_not_start_when_it_is_to_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could not tell what state it has, and would run beside the version before it."""
    statements: StatementSet = Mock()
    monkeypatch.setenv(release.PREPARED, str(tmp_path))
    with pytest.raises(SystemExit, match="steps in Python has no compiled plan"):
        environment.run(statements)
    assert not statements.method_calls
