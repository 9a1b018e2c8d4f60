"""Prometheus' own programs, where the machine has them."""

import shutil

import pytest


def program(*names: str) -> str:
    """Path of the first of these that is there; the test is skipped when none is."""
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"{' or '.join(names)} is not installed (Debian: prometheus, prometheus-alertmanager)")
    return found
