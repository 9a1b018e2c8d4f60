"""The demo, as `make demo` runs it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.candle_job import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.thorough]


def test_the_demo_shows_its_candles_and_ends_by_itself_with_every_one_right() -> None:
    command = [str(Path(sys.executable).with_name("tickloom")), "demo"]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert demo.stdout
        dashboard = next(line.split()[1] for line in demo.stdout if line.strip().startswith("dashboard"))
        wait_until(lambda: _symbols(dashboard) == ["BTC-USD.BITSTAMP"], "the candles on the dashboard")
        job, *_ = httpx.get(f"{dashboard}/v1/pipeline").json()
        told = demo.stdout.read()
        assert demo.wait(240) == 0, told
    finally:
        demo.terminate()
        demo.wait(60)
    assert (job["name"], job["state"]) == ("tickloom-candles", "RUNNING")
    assert "58,694 1s, 9,399 1m, 1,917 5m, 641 15m, 161 1h, 7 1d" in told
    assert "all equal: 70,819 candles equal" in told


def _symbols(dashboard: str) -> list[Any]:
    try:
        return [each["symbol"] for each in httpx.get(f"{dashboard}/v1/symbols").raise_for_status().json()]
    except httpx.HTTPError:
        return []
