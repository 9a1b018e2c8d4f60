"""What the README tells a newcomer to type works, in its order."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import paths

pytestmark = pytest.mark.integration

README = (paths.ROOT / "README.md").read_text()
TIMEOUT_S = 300


def commands(heading: str) -> list[str]:
    """The lines of the shell block under a heading."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    block = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert block, f"no shell block under {heading}"
    return [line for line in block[1].splitlines() if not line.startswith(". .venv")]


def run(command: str, folder: Path) -> str:
    """Run a line in a folder, on a stack of its own, with this environment's `tickloom` on the PATH."""
    result = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "TICKLOOM_STACK_DIR": str(folder / "stack"),
        },
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    return result.stdout


def test_the_two_commands_are_targets_of_the_makefile() -> None:
    makefile = (paths.ROOT / "Makefile").read_text()
    for command in commands("Two commands"):
        assert f"\n{command.removeprefix('make ')}:" in makefile


def test_a_file_of_ones_own_becomes_the_candle_that_the_readme_states(tmp_path: Path) -> None:
    for command in commands("Your own trades"):
        run(command, tmp_path)
    header, candle = (tmp_path / "candles" / "candles_1m.csv").read_text().splitlines()
    values = dict(zip(header.split(","), candle.split(","), strict=True))
    stated = {"symbol": "ACME", "open": "101.5", "close": "101.25", "volume": "4", "vwap": "101.4375"}
    assert stated.items() <= values.items()


def test_the_stack_section_runs_from_up_to_down_with_an_upgrade_on_the_way(tmp_path: Path) -> None:
    *up, down = commands("A stack to work with")
    try:
        for command in (*commands("Your own trades")[:1], *up, *commands("Another version, the same state"), down):
            run(command, tmp_path)
    finally:
        run("tickloom down", tmp_path)
