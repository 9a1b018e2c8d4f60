"""The state of each job is that of the plan which its release keeps, and goes on from the releases before."""

import json
from importlib import metadata
from pathlib import Path

import pytest

from deploy.paths import ROOT
from deploy.stack import Stack
from jobs.plans import Operator, difference
from tests.integration.stacks import tickloom

pytestmark = pytest.mark.integration

PLANS = ROOT / "deploy" / "plans"
HOW = "when this is meant: `tickloom plan print {} > {}`"


@pytest.mark.parametrize("job", ["candles", "bars", "quotes", "books", "trades_with_quotes", "enriched"])
def test_the_state_of_a_job_is_that_of_the_plan_its_release_keeps(job: str, stack: Stack) -> None:
    kept = PLANS / job / f"{metadata.version('tickloom')}.json"
    planned = json.loads(tickloom(stack.folder, "plan", "print", job).stdout)
    assert planned == json.loads(kept.read_text()), HOW.format(job, kept.relative_to(ROOT))
    for older in kept.parent.glob("*.json"):
        assert difference(operators(older), operators(kept)).refused == ()


def operators(plan: Path) -> list[Operator]:
    return [Operator.from_dict(each) for each in json.loads(plan.read_text())]
