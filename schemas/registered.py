"""What a producer and a consumer ask of the schema registry: the id of a schema, the schema of an id."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from confluent_kafka.schema_registry import Schema
from confluent_kafka.schema_registry.error import SchemaRegistryError
from httpx2 import TransportError

from schemas.registry import LOGIN, NOT_ALLOWED, RegistryError, connect
from schemas.topics import subject

NOT_REGISTERED = (40401, 40403)
"""The registry's codes for: no such subject, no such schema in it."""


class Registry:
    """A Confluent-compatible schema registry; `properties` are those of schemas.registry.connect.

    Raises RegistryError when the URL is none.
    """

    def __init__(self, properties: Mapping[str, str]) -> None:
        self.url = properties["url"]
        with self._one_line():
            self._client = connect(properties)

    def schema_id(self, topic: str, schema: dict[str, Any]) -> int:
        """Id of exactly this schema under the topic's subject.

        Raises RegistryError when it is not registered there or the registry does not answer.
        """
        with self._one_line(f"register it: `tickloom schemas register --registry {self.url}`"):
            found = self._client.lookup_schema(subject(topic), Schema(json.dumps(schema), "AVRO"))
        return int(found.schema_id)

    def schema(self, schema_id: int) -> dict[str, Any]:
        """The schema of an id, as a writer registered it. Raises RegistryError when there is none."""
        with self._one_line():
            found: dict[str, Any] = json.loads(self._client.get_schema(schema_id).schema_str)
        return found

    @contextmanager
    def _one_line(self, remedy_when_unknown: str = "is it the registry of these topics?") -> Iterator[None]:
        try:
            yield
        except SchemaRegistryError as error:
            if error.http_status_code in NOT_ALLOWED:
                raise RegistryError(f"{self.url}: HTTP status {error.http_status_code}; {LOGIN}") from error
            remedy = remedy_when_unknown if error.error_code in NOT_REGISTERED else "is it a schema registry?"
            raise RegistryError(f"{self.url}: {error.error_message}; {remedy}") from error
        except TransportError as error:
            raise RegistryError(f"no registry answers at {self.url} ({error}); `tickloom up` starts one") from error
        except ValueError as error:
            raise RegistryError(f"{self.url} is no schema registry: {error}") from error
