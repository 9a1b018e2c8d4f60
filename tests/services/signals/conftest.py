"""Secrets of the tests, where the intake looks for them."""

import pytest

from tests.services.signals import deliveries


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in deliveries.VARIABLES.items():
        monkeypatch.setenv(name, value)
