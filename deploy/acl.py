"""The rights of each role on Kafka: the least that `jobs.access` says it needs."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from pydantic import TypeAdapter, ValidationError

from deploy.errors import UserError
from jobs import access
from jobs.settings import Settings
from schemas import broker

TIMEOUT_S = 30
CLUSTER = "kafka-cluster"
RESOURCES = {
    "TOPIC": (ResourceType.TOPIC, "--topic"),
    "GROUP": (ResourceType.GROUP, "--group"),
    "TRANSACTIONAL_ID": (ResourceType.TRANSACTIONAL_ID, "--transactional-id"),
    "CLUSTER": (ResourceType.BROKER, "--cluster"),
}
"""As librdkafka and as Kafka's own tool call them."""
SPELT = {"DESCRIBE_CONFIGS": "DescribeConfigs"}


@dataclass(frozen=True)
class Acl:
    """A principal may do something with a resource of this name, or with all that begin with it (PREFIXED)."""

    principal: str
    resource: Literal["TOPIC", "GROUP", "TRANSACTIONAL_ID", "CLUSTER"]
    name: str
    pattern: Literal["LITERAL", "PREFIXED"]
    operation: Literal["READ", "WRITE", "CREATE", "DESCRIBE", "DESCRIBE_CONFIGS"]

    def binding(self) -> AclBinding:
        """As librdkafka wants it, from any host."""
        return AclBinding(
            RESOURCES[self.resource][0],
            self.name,
            ResourcePatternType[self.pattern],
            self.principal,
            "*",
            AclOperation[self.operation],
            AclPermissionType.ALLOW,
        )

    def arguments(self) -> str:
        """As arguments of Kafka's own `kafka-acls`."""
        name = [] if self.resource == "CLUSTER" else [self.name, "--resource-pattern-type", self.pattern.lower()]
        operation = SPELT.get(self.operation, self.operation.capitalize())
        words = ["--add", "--allow-principal", self.principal, "--operation", operation, RESOURCES[self.resource][1]]
        return shlex.join([*words, *name])


LIST = TypeAdapter(list[Acl])


def of(role: str, principal: str, settings: Settings) -> list[Acl]:
    """What a role needs. Reading and writing imply DESCRIBE."""
    needed = access.of(role, settings)
    return [
        *(Acl(principal, "TOPIC", topic, "LITERAL", "READ") for topic in _read(needed)),
        *(Acl(principal, "TOPIC", topic, "LITERAL", "WRITE") for topic in needed.writes),
        *(Acl(principal, "TOPIC", topic, "LITERAL", "CREATE") for topic in needed.creates),
        *_others(principal, needed),
    ]


def parse(text: str) -> list[Acl]:
    """The ACLs of a JSON document. Raises UserError naming the first that is none."""
    try:
        return LIST.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(
            f"{place or 'the file'}: {first['msg']}; `tickloom acl print --format json` writes one"
        ) from error


def as_json(acls: Sequence[Acl]) -> str:
    """A JSON document that `parse` reads."""
    return LIST.dump_json(list(acls), indent=2).decode()


def apply(acls: Sequence[Acl], settings: Settings) -> None:
    """Grant them; what is granted already stays.

    Raises UserError when the broker does not answer or does not allow it.
    """
    admin = AdminClient(settings.kafka_client())
    try:
        for future in admin.create_acls([each.binding() for each in acls], request_timeout=TIMEOUT_S).values():
            future.result()
    except KafkaException as error:
        plain = KafkaException(KafkaError(error.args[0].code()))  # the broker's own words name its classes
        reason = broker.reason(settings.kafka_client(), plain)
        raise UserError(f"{settings.brokers}: not all ACLs were granted: {reason}") from error


def _read(needed: access.Access) -> tuple[str, ...]:
    """To ask who left transactions open on a topic is to read it."""
    return needed.topics if needed.is_job else needed.reads


def _others(principal: str, needed: access.Access) -> Iterator[Acl]:
    if needed.commits:
        yield Acl(principal, "GROUP", needed.commits, "LITERAL", "READ")
    if needed.joins:
        yield Acl(principal, "GROUP", needed.joins, "PREFIXED", "READ")
    if needed.looks:
        yield Acl(principal, "GROUP", broker.LOOKING_GROUPS, "PREFIXED", "DESCRIBE")
    if needed.transactions:
        yield Acl(principal, "TRANSACTIONAL_ID", needed.transactions, "PREFIXED", "WRITE")
    if needed.is_job:
        yield Acl(principal, "CLUSTER", CLUSTER, "LITERAL", "DESCRIBE_CONFIGS")
