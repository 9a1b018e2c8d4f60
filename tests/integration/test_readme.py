"""What the README tells a newcomer to type works, in its order."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
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


STACK = "A stack to work with"


@pytest.mark.thorough
def test_the_stack_section_runs_from_up_to_down(tmp_path: Path) -> None:
    run_on_a_stack(tmp_path, commands(STACK)[:-1])


@pytest.mark.thorough
def test_another_version_goes_on_and_comes_back_and_one_beside_it_takes_over(tmp_path: Path) -> None:
    upgraded, beside = commands("Another version, the same state"), commands("Side by side")
    run_on_a_stack(tmp_path, [*commands(STACK)[:2], *upgraded, "tickloom submit candles", *beside])


@pytest.mark.thorough
def test_candles_go_to_a_database_and_from_there_over_http(tmp_path: Path) -> None:
    (project,) = commands("Candles in a database")
    api, page, stream = commands("Candles over HTTP, and on a chart")
    together = f"""
        trap 'kill $(jobs -p); wait' EXIT
        {project} & {api} &
        for _ in $(seq 60); do curl -sf http://127.0.0.1:8090/health && break; sleep 1; done
        {page} > page.csv
        timeout 5 {stream} > events || test $? = 124
    """
    run_on_a_stack(tmp_path, [*commands(STACK)[:3], together])
    assert (tmp_path / "page.csv").read_text().startswith("symbol,resolution,window_start,")
    assert "event: open" in (tmp_path / "events").read_text()


def run_on_a_stack(folder: Path, lines: Sequence[str]) -> None:
    """Run lines of the README in a folder that has its trades file, and the last line of the stack section."""
    *_, down = commands(STACK)
    try:
        for line in (*commands("Your own trades")[:1], *lines):
            run(line, folder)
    finally:
        run(down, folder)
