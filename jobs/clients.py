"""The settings of Kafka and the registry in the words of their clients: librdkafka's, Java's and Flink's."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

if TYPE_CHECKING:
    from jobs.settings import Settings

CERTIFICATE = "-----BEGIN CERTIFICATE-----"
KAFKA = "org.apache.kafka"
KAFKA_IN_FLINK = f"org.apache.flink.kafka.shaded.{KAFKA}"
"""The Java client's packages, alone and inside Flink's connector."""
LOGIN_MODULES = {
    "PLAIN": "common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "common.security.scram.ScramLoginModule",
}
REGISTRY_TIMEOUTS = {"http.connect.timeout.ms": "5000", "http.read.timeout.ms": "10000"}
"""Confluent's client for Java waits for ever if it gets no properties (a minute if it gets others), and with it the
task that asks, its checkpoints and its end."""


def certificates(value: Any) -> Any:
    """The text of a PEM file, for the text or for the file's name. Raises ValueError when it is none."""
    if not isinstance(value, str) or not value:
        return value
    try:
        text = value if CERTIFICATE in value else Path(value).read_text()
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (OSError, ValueError) as error:  # SSLError is an OSError
        shown = "the text" if CERTIFICATE in value else value
        raise ValueError(f"{shown} is no file of PEM certificates ({error})") from error
    return text


def check_logins(settings: "Settings") -> None:
    """Raises ValueError when a user or a password is missing, or would not be used."""
    given = bool(settings.kafka_username), bool(settings.kafka_password.get_secret_value())
    if given != (_logs_in(settings),) * 2:
        raise ValueError(
            f"kafka_security_protocol: {settings.kafka_security_protocol} and kafka_username, kafka_password do not go "
            "together: SASL_SSL needs both, PLAINTEXT and SSL would not use them"
        )
    named, password = bool(settings.registry_username), bool(settings.registry_password.get_secret_value())
    if named != password or (named and settings.registry_token.get_secret_value()):
        raise ValueError("registry_username: give it with registry_password, or neither; registry_token alone")


def kafka(settings: "Settings") -> dict[str, str]:
    """Properties of librdkafka."""
    login = {"sasl.username": settings.kafka_username, "sasl.password": settings.kafka_password.get_secret_value()}
    return {
        "bootstrap.servers": settings.brokers,
        "log_level": "0",  # what fails is reported by callbacks and exceptions
        **_security(settings),
        **(login if _logs_in(settings) else {}),
        **({"ssl.ca.pem": settings.ca} if _encrypts(settings) and settings.ca else {}),
        **revealed(settings.kafka_properties),
    }


def kafka_in_java(settings: "Settings", packages: str = KAFKA_IN_FLINK) -> dict[str, str]:
    """Properties of the Java client, at first the one inside Flink's connector."""
    authorities = {"ssl.truststore.type": "PEM", "ssl.truststore.certificates": settings.ca}
    return {
        "bootstrap.servers": settings.brokers,
        **_security(settings),
        **({"sasl.jaas.config": _jaas(settings, packages)} if _logs_in(settings) else {}),
        **(authorities if _encrypts(settings) and settings.ca else {}),
        **revealed(settings.kafka_properties),
    }


def registry(settings: "Settings") -> dict[str, str]:
    """Properties of Confluent's client for Python; `ssl.ca.pem` is ours (see schemas.registry.connect)."""
    token = settings.registry_token.get_secret_value()
    bearer = {"bearer.auth.credentials.source": "STATIC_TOKEN", "bearer.auth.token": token}
    return {
        "url": settings.registry,
        **({"basic.auth.user.info": _user_info(settings)} if settings.registry_username else {}),
        # The client insists on a name of a cluster, which only Confluent's cloud reads.
        **({**bearer, "bearer.auth.logical.cluster": "none"} if token else {}),
        **({"ssl.ca.pem": settings.ca} if settings.ca else {}),
    }


def registry_in_java(settings: "Settings") -> dict[str, str]:
    """Properties of Confluent's client for Java, but for the URL."""
    token = settings.registry_token.get_secret_value()
    basic = {"basic.auth.credentials.source": "USER_INFO", "basic.auth.user.info": _user_info(settings)}
    bearer = {"bearer.auth.credentials.source": "STATIC_TOKEN", "bearer.auth.token": token}
    return {
        **(basic if settings.registry_username else {}),
        **(bearer if token else {}),
        **_registry_client_in_java(settings),
    }


def registry_format(settings: "Settings") -> dict[str, str]:
    """Options of Flink's `avro-confluent` format. Flink masks what is secret by these names, not by the client's."""
    token = settings.registry_token.get_secret_value()
    basic = {"basic-auth.credentials-source": "USER_INFO", "basic-auth.user-info": _user_info(settings)}
    bearer = {"bearer-auth.credentials-source": "STATIC_TOKEN", "bearer-auth.token": token}
    return {
        "url": settings.registry,
        **(basic if settings.registry_username else {}),
        **(bearer if token else {}),
        **{f"properties.{name}": value for name, value in _registry_client_in_java(settings).items()},
    }


def revealed(secrets: Mapping[str, SecretStr]) -> dict[str, str]:
    """Secrets as plain text, for a client."""
    return {name: secret.get_secret_value() for name, secret in secrets.items()}


def _security(settings: "Settings") -> dict[str, str]:
    mechanism = {"sasl.mechanism": settings.kafka_sasl_mechanism} if _logs_in(settings) else {}
    return {"security.protocol": settings.kafka_security_protocol, **mechanism}


def _logs_in(settings: "Settings") -> bool:
    return settings.kafka_security_protocol.startswith("SASL_")


def _encrypts(settings: "Settings") -> bool:
    return settings.kafka_security_protocol.endswith("SSL")


def _jaas(settings: "Settings", packages: str) -> str:
    module = f"{packages}.{LOGIN_MODULES[settings.kafka_sasl_mechanism]}"
    username, password = map(_quoted, (settings.kafka_username, settings.kafka_password.get_secret_value()))
    return f"{module} required username={username} password={password};"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _user_info(settings: "Settings") -> str:
    return f"{settings.registry_username}:{settings.registry_password.get_secret_value()}"


def _registry_client_in_java(settings: "Settings") -> dict[str, str]:
    prefix = "schema.registry.ssl.truststore"
    authorities = {f"{prefix}.type": "PEM", f"{prefix}.certificates": settings.ca}
    return REGISTRY_TIMEOUTS | (authorities if settings.ca else {})
