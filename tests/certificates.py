"""Fills the folder of deploy.stack.security: an authority of the test's own, what it certifies, and passwords."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID
from joserfc import jwt
from joserfc.jwk import RSAKey

from deploy.stack.ports import HOST
from deploy.stack.security import BROKER, Security, write_private

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Identity:
    """A key and its certificate."""

    key: RSAPrivateKey
    certificate: x509.Certificate

    def pem(self) -> str:
        """The key, then the certificate."""
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return key.decode() + self.certificate_pem()

    def certificate_pem(self) -> str:
        """The certificate alone."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def keystore(self, password: str) -> bytes:
        """The same as PKCS12."""
        encryption = BestAvailableEncryption(password.encode())
        return pkcs12.serialize_key_and_certificates(b"own", self.key, self.certificate, None, encryption)


def fill(folder: Path) -> Security:
    """Make everything anew."""
    folder.mkdir(parents=True)
    security = Security(folder)
    for name in ("admin", "keystore"):
        write_private(folder / f"{name}.password", secrets.token_urlsafe(24))
    password = security.keystore_password
    authority = identity("CN=authority")
    security.ca.write_text(authority.certificate_pem())
    security.truststore.write_bytes(_truststore(authority, password))
    write_private(security.broker, identity(BROKER, authority).pem())
    write_private(security.registry, identity("CN=registry", authority).pem())
    signer = identity("CN=tokens")
    security.token_key.write_bytes(
        signer.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    write_private(folder / "registry.token", token(signer))
    security.rest.write_bytes(identity("CN=flink-rest", authority).keystore(password))
    security.internal.write_bytes(identity("CN=flink").keystore(password))
    return security


def identity(subject: str, authority: Identity | None = None) -> Identity:
    """A certificate for this machine, signed by an authority, or one that signs itself."""
    key = generate_private_key(public_exponent=65537, key_size=2048)  # Flink's ciphers want RSA
    name, now = x509.Name.from_rfc4514_string(subject), datetime.now(UTC)
    signer, issuer = (authority.key, authority.certificate.subject) if authority else (key, name)
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST)), x509.DNSName("localhost")])
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
        .add_extension(names, critical=False)
    )
    if authority is not None:
        builder = builder.add_extension(usage, critical=False)
    return Identity(key, builder.sign(signer, SHA256()))


def token(signer: Identity) -> str:
    """A signed token of a day."""
    now = datetime.now(UTC)
    claims = {"sub": "tests", "iss": "tests", "iat": int(now.timestamp()), "exp": int((now + DAY).timestamp())}
    return jwt.encode({"alg": "RS256"}, claims, RSAKey.import_key(signer.pem()))


def _truststore(authority: Identity, password: str) -> bytes:
    trusted = pkcs12.PKCS12Certificate(authority.certificate, b"authority")
    return pkcs12.serialize_java_truststore([trusted], BestAvailableEncryption(password.encode()))
