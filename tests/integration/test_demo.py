"""The demo, as `make demo` runs it."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration


def test_the_demo_ends_by_itself_with_every_candle_right() -> None:
    command = [str(Path(sys.executable).with_name("tickloom")), "demo"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "58,694 1s, 9,399 1m, 1,917 5m, 641 15m, 161 1h, 7 1d" in result.stdout
    assert "all equal: 70,819 candles equal" in result.stdout
