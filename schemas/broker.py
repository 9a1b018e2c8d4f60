"""Manners of Kafka clients: the group of a reader that only looks, and why a broker does not answer."""

import time
from collections.abc import Mapping
from uuid import uuid4

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

LOOKING_GROUPS = "tickloom-looking-"
LISTEN_S = 3
UNANSWERED = (KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN)
REMEDIES = {
    **dict.fromkeys(UNANSWERED, "; are address and kafka_security_protocol the broker's? `tickloom up` starts one"),
    KafkaError._AUTHENTICATION: "; check kafka_username, kafka_password and kafka_sasl_mechanism",
    KafkaError._SSL: "; check kafka_security_protocol and ca",
}


def looking_group() -> str:
    """A group for a reader that is a member of none and commits nothing: librdkafka wants a name."""
    return f"{LOOKING_GROUPS}{uuid4()}"


def reason(properties: Mapping[str, str], error: KafkaException) -> str:
    """What stands behind the error of a client with these properties, and how to mend it, in one line."""
    failed = error.args[0]
    if failed.code() in UNANSWERED:
        failed = _heard(properties) or failed
    # What a connection says of a certificate comes as an error of TLS, or only of the connection.
    kind = KafkaError._SSL if "certificate" in failed.str() else failed.code()
    return f"{failed.str()}{REMEDIES.get(kind, '')}"


def _heard(properties: Mapping[str, str]) -> KafkaError | None:
    """The first complaint of a client that tries to connect."""
    complaints = list[KafkaError]()
    client = AdminClient({**properties, "error_cb": complaints.append})
    deadline = time.monotonic() + LISTEN_S
    while time.monotonic() < deadline:
        client.poll(0.1)
        for each in complaints:
            if each.code() != KafkaError._ALL_BROKERS_DOWN:
                return each
    return None
