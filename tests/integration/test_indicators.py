"""A step in Python judges bars in a job as it does without one, however they get to it."""

import pytest

from bench.indicators import VARIANTS, Variant, watched
from bench.moments import SPIKE_EVERY, anomalies
from deploy.stack import Stack

BARS = SPIKE_EVERY + 20_000
SYMBOLS = 50


@pytest.mark.integration
@pytest.mark.thorough
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_a_job_finds_the_anomalies_that_plain_python_finds(stack: Stack, variant: Variant) -> None:
    _, found = watched(stack, variant, BARS, SYMBOLS)
    assert found == list(anomalies(BARS, SYMBOLS))
    assert [number * SYMBOLS + symbol for symbol, number, _ in found] == [SPIKE_EVERY]
