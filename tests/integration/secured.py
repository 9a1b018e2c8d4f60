"""A secured stack: TLS, SCRAM and ACLs at the broker, TLS and logins at the registry, mutual TLS in Flink."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

from deploy.rest import Rest
from deploy.stack import Stack, lifecycle, ports
from deploy.stack.security import ADMIN, Security, write_private
from jobs.settings import Settings
from tests import certificates
from tests.integration import stacks

if TYPE_CHECKING:
    from subprocess import CompletedProcess

JOBS = ("candles", "reconcile", "quality", "bars", "sessions")
ROLES = (*JOBS, "reference", "users", "producer", "signals", "reader", "audit", "txn", "stranger")
"""Each has a user of Kafka; the stranger is granted nothing."""
ITERATIONS = 4096


@dataclass(frozen=True)
class Secured:
    """A running stack, and a folder with the secrets of each role."""

    stack: Stack
    security: Security
    folder: Path

    @property
    def rest(self) -> Rest:
        """Flink's REST API, with a certificate."""
        return Rest(self.stack.flink_address, self.stack.flink_conf)

    @property
    def secrets(self) -> list[str]:
        """Everything that nobody may read anywhere."""
        passwords = [(self.folder / role / "tickloom_kafka_password").read_text() for role in ROLES]
        return [*passwords, self.token, self.security.admin_password, self.security.keystore_password]

    @property
    def token(self) -> str:
        """A token that the registry takes instead of a password."""
        return (self.security.folder / "registry.token").read_text()

    def variables(self, role: str) -> dict[str, str]:
        """The environment of a role, in which passwords are named by their folder."""
        return {
            "TICKLOOM_CA": str(self.security.ca),
            "TICKLOOM_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "TICKLOOM_KAFKA_USERNAME": ADMIN if role == ADMIN else f"tickloom-{role}",
            "TICKLOOM_REGISTRY_USERNAME": ADMIN,
            "TICKLOOM_SECRETS_DIR": str(self.folder / role),
        }

    def tickloom(self, role: str, *arguments: str, check: bool = True, **variables: str) -> "CompletedProcess[str]":
        """Run `tickloom` as a role does."""
        given = self.variables(role) | variables
        return stacks.tickloom(self.stack.folder, *arguments, check=check, **given)

    def settings(self, role: str, **changed: Any) -> Settings:
        """The settings of a role."""
        secret = (self.folder / role / "tickloom_kafka_password").read_text()
        return Settings.load(
            {
                "brokers": self.stack.bootstrap_servers,
                "registry": self.stack.registry_url,
                "ca": str(self.security.ca),
                "kafka_security_protocol": "SASL_SSL",
                "kafka_username": f"tickloom-{role}",
                "kafka_password": secret,
                "registry_username": ADMIN,
                "registry_password": self.security.admin_password,
                **changed,
            }
        )


@contextmanager
def secured_stack(folder: Path) -> Iterator[Secured]:
    """Start one, with a user for each role; no ACL is granted yet."""
    security = certificates.fill(folder / "security")
    found = Security(security.folder)
    free = dict(zip(ports.DEFAULTS, ports.free(len(ports.DEFAULTS)), strict=True))
    try:
        stack, _ = lifecycle.start(free, folder / "stack", security.folder)
        lifecycle.await_health(stack, lambda _part, _seconds: None)
        secured = Secured(stack, found, folder / "roles")
        _add_users(secured)
        yield secured
    finally:
        lifecycle.stop(lambda _part: None, folder / "stack")


def _add_users(secured: Secured) -> None:
    passwords = {role: secrets.token_urlsafe(24) for role in ROLES}
    for role, password in {**passwords, ADMIN: secured.security.admin_password}.items():
        own = secured.folder / role
        own.mkdir(parents=True)
        write_private(own / "tickloom_kafka_password", password)
        write_private(own / "tickloom_registry_password", secured.security.admin_password)
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, ITERATIONS)
    users = [
        UserScramCredentialUpsertion(f"tickloom-{role}", info, password.encode())
        for role, password in passwords.items()
    ]
    admin = AdminClient(secured.stack.kafka_client())
    for future in admin.alter_user_scram_credentials(users).values():
        future.result(30)
