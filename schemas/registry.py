"""The schemas in a Confluent-compatible registry: checked against every version there, and registered."""

import json
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from schemas import avro, topics
from schemas.compatibility import Break, breaks

COMPATIBILITY = "BACKWARD_TRANSITIVE"
SUBJECT_NOT_FOUND = 40401
SETTINGS = {"timeout": 10, "max.retries": 3, "retries.wait.ms": 200, "retries.max.wait.ms": 2_000}


NOT_ALLOWED = (401, 403)
"""The HTTP statuses of a registry that wants to know who asks."""
LOGIN = "check registry_username and registry_password, or registry_token"


class RegistryError(ValueError):
    """The registry cannot be reached, or refuses."""


def connect(properties: Mapping[str, str]) -> SchemaRegistryClient:
    """A client with Confluent's properties, `url` among them, and `ssl.ca.pem`: certificates as text, not as a file.

    It asks anew when a registry does not answer: left alone, Confluent's client would wait for ever.
    Raises ValueError when the properties make no client.
    """
    given: dict[str, Any] = {**SETTINGS, **properties}
    authorities = given.pop("ssl.ca.pem", None)
    if authorities is None:
        return SchemaRegistryClient(given)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:  # read once, when the client is made
        file.write(authorities)
        file.flush()
        return SchemaRegistryClient({**given, "ssl.ca.location": file.name})


def check(registry: Mapping[str, str]) -> list[str]:
    """What stands between the schemas and the versions registered for their topics, one line a finding.

    `registry` are properties of a client, as for `connect`. Raises RegistryError when the registry cannot be reached.
    """
    with _client(registry) as client:
        subjects = {subject: topics.schema_of(subject) for subject in client.get_subjects()}
        return _check(client, {subject: name for subject, name in subjects.items() if name})


def register(
    registry: Mapping[str, str], resolutions: Sequence[str], only: Collection[str] | None = None
) -> dict[str, int]:
    """Register the schema of every topic, candles of each resolution among them, or of those topics `only`.

    Returns the id by subject.

    Every subject is held to BACKWARD_TRANSITIVE. Nothing is registered when one schema breaks; this is checked
    here first, because registries let decimals change. Registering again changes nothing.
    Raises RegistryError naming subject, field and rule, or when the registry cannot be reached.
    """
    wanted = None if only is None else {topics.subject(topic) for topic in only}
    subjects = {
        subject: name for subject, name in topics.subjects(resolutions).items() if wanted is None or subject in wanted
    }
    with _client(registry) as client:
        if found := _check(client, subjects):
            raise RegistryError("\n".join(found))
        return {subject: _register(client, subject, name) for subject, name in subjects.items()}


def versions(registry: Mapping[str, str], resolutions: Sequence[str]) -> dict[str, int]:
    """The version under which each schema is registered, by subject. Raises RegistryError when one is not."""
    with _client(registry) as client:
        return {
            subject: int(client.lookup_schema(subject, _schema(name)).version)
            for subject, name in topics.subjects(resolutions).items()
        }


def _check(client: SchemaRegistryClient, subjects: dict[str, str]) -> list[str]:
    return [f"{subject}, {broken}" for subject, name in subjects.items() for broken in _breaks(client, subject, name)]


def _breaks(client: SchemaRegistryClient, subject: str, name: str) -> list[Break]:
    registered = {version: client.get_version(subject, version) for version in _version_numbers(client, subject)}
    earlier = {version: json.loads(found.schema.schema_str) for version, found in registered.items()}
    return breaks(avro.load(name), earlier)


def _version_numbers(client: SchemaRegistryClient, subject: str) -> list[int]:
    try:
        return list(client.get_versions(subject))
    except SchemaRegistryError as error:
        if error.error_code == SUBJECT_NOT_FOUND:
            return []
        raise


def _register(client: SchemaRegistryClient, subject: str, name: str) -> int:
    client.set_compatibility(subject, COMPATIBILITY)
    return int(client.register_schema(subject, _schema(name)))


def _schema(name: str) -> Schema:
    return Schema(avro.text(name), "AVRO")


@contextmanager
def _client(registry: Mapping[str, str]) -> Iterator[SchemaRegistryClient]:
    url = registry["url"]
    try:
        with connect(registry) as client:
            yield client
    except SchemaRegistryError as error:
        raise RegistryError(f"the registry at {url} refused: {_reason(error)}") from error
    except json.JSONDecodeError as error:
        raise RegistryError(f"what answers at {url} is no registry: is the path right?") from error
    except ValueError:
        raise
    except Exception as error:  # the client lets the errors of its HTTP library through
        raise RegistryError(f"no registry answers at {url} ({error}): `tickloom up` starts one") from error


def _reason(error: SchemaRegistryError) -> str:
    if error.http_status_code in NOT_ALLOWED:
        return f"HTTP status {error.http_status_code}; {LOGIN}"
    return error.error_message or f"HTTP status {error.http_status_code}, is the path right?"
