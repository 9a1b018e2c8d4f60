"""What a secured stack is secured with: a folder of certificates and passwords that whoever starts it has filled."""

import ssl
from dataclasses import dataclass
from pathlib import Path

ADMIN = "admin"
"""Name of the one who may do everything, with Kafka and the registry."""
BROKER = "CN=broker"
"""Subject of the certificate of the broker, by which broker and controller know each other."""


@dataclass(frozen=True)
class Security:
    """The files. PEM files of a part hold its key and its certificate; keystores are PKCS12 with one password for all.

    `flink-internal.p12` is both what Flink's processes show each other and all that they trust.
    """

    folder: Path

    @property
    def ca(self) -> Path:
        """Certificate of the authority."""
        return self.folder / "ca.pem"

    @property
    def truststore(self) -> Path:
        """The same for Java."""
        return self.folder / "ca.p12"

    @property
    def broker(self) -> Path:
        """The broker's certificate, with BROKER as its subject."""
        return self.folder / "broker.pem"

    @property
    def registry(self) -> Path:
        """The registry's certificate."""
        return self.folder / "registry.pem"

    @property
    def token_key(self) -> Path:
        """Public key, as PEM, of who signs the tokens (JWT) that the registry takes instead of a password."""
        return self.folder / "registry-token.pem"

    @property
    def rest(self) -> Path:
        """Keystore of Flink's REST API, and of those who may use it."""
        return self.folder / "flink-rest.p12"

    @property
    def internal(self) -> Path:
        """Keystore of Flink's processes."""
        return self.folder / "flink-internal.p12"

    @property
    def keystore_password(self) -> str:
        """The password of the keystores."""
        return self._password("keystore")

    @property
    def admin_password(self) -> str:
        """The password of ADMIN."""
        return self._password("admin")

    def kafka_client(self) -> dict[str, str]:
        """Properties of a client that logs in as ADMIN."""
        return {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": ADMIN,
            "sasl.password": self.admin_password,
            "ssl.ca.pem": self.ca.read_text(),
        }

    def registry_client(self) -> dict[str, str]:
        """Properties of a client that logs in as ADMIN."""
        return {"basic.auth.user.info": f"{ADMIN}:{self.admin_password}", "ssl.ca.pem": self.ca.read_text()}

    def context(self) -> ssl.SSLContext:
        """What trusts the authority."""
        return ssl.create_default_context(cafile=self.ca)

    def _password(self, name: str) -> str:
        return (self.folder / f"{name}.password").read_text().strip()


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    file.touch(mode=0o600)
    file.chmod(0o600)
    file.write_text(text)
