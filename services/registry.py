"""What a producer and a consumer ask of the schema registry: the id of a schema, the schema of an id."""

import json
from typing import Any

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from httpx import TransportError

from schemas.topics import subject

TIMEOUT_S = 10
NOT_FOUND = 404


class RegistryError(ValueError):
    """The registry does not answer or does not know the schema."""


class Registry:
    """A Confluent-compatible schema registry."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = SchemaRegistryClient({"url": url, "timeout": TIMEOUT_S})

    def schema_id(self, topic: str, schema: dict[str, Any]) -> int:
        """Id of exactly this schema under the topic's subject.

        Raises RegistryError when it is not registered there or the registry does not answer.
        """
        try:
            found = self._client.lookup_schema(subject(topic), Schema(json.dumps(schema), "AVRO"))
        except SchemaRegistryError as error:
            if error.http_status_code != NOT_FOUND:
                raise RegistryError(f"the registry at {self.url} refused: {error.error_message}") from error
            remedy = f"run `tickloom schemas register --registry {self.url}`"
            raise RegistryError(f"this schema is not registered under {subject(topic)}: {remedy}") from error
        except TransportError as error:
            raise self._unreachable(error) from error
        return int(found.schema_id)

    def schema(self, schema_id: int) -> dict[str, Any]:
        """The schema of an id, as a writer registered it. Raises RegistryError when there is none."""
        try:
            found: dict[str, Any] = json.loads(self._client.get_schema(schema_id).schema_str)
        except SchemaRegistryError as error:
            raise RegistryError(f"schema {schema_id} at {self.url}: {error.error_message}") from error
        except TransportError as error:
            raise self._unreachable(error) from error
        return found

    def _unreachable(self, error: Exception) -> RegistryError:
        return RegistryError(f"no registry answers at {self.url} ({error}): `tickloom up` starts one")
