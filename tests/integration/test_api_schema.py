"""Whatever a client asks that the API's own description allows, or forbids, is answered as described."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import positive_data_acceptance

from deploy.stack import Stack
from services.projections.postgres import Postgres
from tests.integration.served import served, sources
from tests.services.candles import candle

pytestmark = pytest.mark.integration

CANDLES = {"/v1/candles", "/v1/corporate-actions", "/v1/latest", "/v1/symbols"}
PATHS = {*CANDLES, "/v1/quality", "/v1/depth", "/v1/quote", "/v1/pipeline", "/health"}
"""A stream does not end, and what GraphQL answers is described by its own schema."""


@pytest.mark.thorough
def test_an_answer_is_what_is_described(stack: Stack, url: str) -> None:
    with Postgres(url) as store:
        store.prepare()
        store.write([candle(number) for number in range(3)])
    with served(sources(stack, url)) as api:
        described = schemathesis.openapi.from_url(f"{api.base_url}/openapi.json")
        operations: list[Any] = list(described.get_all_operations())
        chosen = [each.ok() for each in operations if each.ok().path in PATHS]
        assert {each.path for each in chosen} == PATHS
        for operation in chosen:
            _try(operation, GenerationMode.POSITIVE)
            if list(operation.iter_parameters()):
                _try(operation, GenerationMode.NEGATIVE)


# Its way to leave a parameter out is an empty text, which is no time. That a part is away is described, and no failure.
def _try(operation: Any, mode: GenerationMode) -> None:
    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(operation.as_strategy(generation_mode=mode))
    def answers(case: Any) -> None:
        case.call_and_validate(excluded_checks=[positive_data_acceptance, not_a_server_error])

    answers()
