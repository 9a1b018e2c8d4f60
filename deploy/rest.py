"""Flink's REST API: over TLS, and with a certificate of ours, where the cluster's configuration says so."""

import functools
import os
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12
from httpx import codes
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from deploy.errors import UserError

TIMEOUT_S = 30
REMEDY = "FLINK_CONF_DIR names the folder with the cluster's config.yaml"


class NotThereError(UserError):
    """What is asked for is not known to the JobManager that answers."""


class Rest:
    """The API of one cluster, `host:port`; `conf` is the folder of its configuration, none where REST is not secured.

    Its methods raise UserError when the cluster does not answer.
    """

    def __init__(self, address: str, conf: Path | None) -> None:
        self.address = address
        options = _client_options(address, conf)
        self.url = options["base_url"]
        # One client for all: each would read the system's authorities anew, which costs more than the request.
        self._client = httpx.Client(**options)

    def get(self, path: str) -> Any:
        """The answer to a GET."""
        return self.request("GET", path).json()

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        """The response to a request that succeeded."""
        try:
            return self._client.request(method, path, json=body).raise_for_status()
        except httpx.HTTPStatusError as error:
            hint = f"; {REMEDY}" if error.response.is_redirect else ""  # to https
            answer = f"{error.response.status_code} {error.response.text[:200]}{hint}"
            kind = NotThereError if error.response.status_code == codes.NOT_FOUND else UserError
            raise kind(f"Flink at {self.address} refuses {path}: {answer}") from error
        except httpx.HTTPError as error:
            hint = f"; {REMEDY}" if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError) else ""
            raise UserError(f"Flink at {self.address} does not answer {path}: {error}{hint}") from error


def asynchronous(address: str, conf: Path | None) -> httpx.AsyncClient:
    """A client of the same API for those who wait for many things at once."""
    return httpx.AsyncClient(**_client_options(address, conf))


def _client_options(address: str, conf: Path | None) -> dict[str, Any]:
    context = _context(conf) if conf else None
    url = f"{'https' if context else 'http'}://{address}"
    return {"base_url": url, "verify": context or False, "timeout": TIMEOUT_S, "trust_env": False}


def is_secured(conf: Path) -> bool:
    """Whether the REST API of the cluster with this configuration speaks TLS."""
    return _is_on(_options(conf), "security.ssl.rest.enabled")


def conf_of(address: str) -> Path | None:
    """The folder of a cluster's configuration: that of the running stack, if it is it, or FLINK_CONF_DIR."""
    from deploy.stack import running

    stack = running()
    if stack and stack.flink_address == address:
        return stack.flink_conf
    named = os.environ.get("FLINK_CONF_DIR")
    return Path(named) if named else None


@functools.cache
def at(address: str, conf: Path | None) -> Rest:
    """The API of a cluster by its address and its configuration."""
    return Rest(address, conf)


@functools.cache
def of(address: str) -> Rest:
    """The API of a cluster by its address."""
    return at(address, conf_of(address))


def _context(conf: Path) -> ssl.SSLContext | None:
    options = _options(conf)
    if not _is_on(options, "security.ssl.rest.enabled"):
        return None
    context = ssl.create_default_context(cadata="".join(map(_pem, _store(options, "truststore").additional_certs)))
    if _is_on(options, "security.ssl.rest.authentication-enabled"):
        _load(context, _store(options, "keystore"))
    return context


def _load(context: ssl.SSLContext, store: pkcs12.PKCS12KeyAndCertificates) -> None:
    if store.key is None or store.cert is None:
        raise UserError("security.ssl.rest.keystore: it holds no key with a certificate")
    key = store.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:  # the context reads it at once
        file.write(key + "".join(map(_pem, [store.cert, *store.additional_certs])))
        file.flush()
        context.load_cert_chain(file.name)


def _pem(held: pkcs12.PKCS12Certificate) -> str:
    return held.certificate.public_bytes(Encoding.PEM).decode()


def _store(options: Mapping[str, Any], kind: str) -> pkcs12.PKCS12KeyAndCertificates:
    """A keystore as Flink finds it: that of REST, else the one for everything."""
    name = next((name for name in (f"security.ssl.rest.{kind}", f"security.ssl.{kind}") if name in options), None)
    if name is None:
        raise UserError(f"security.ssl.rest.{kind}: config.yaml does not name it, and REST is secured")
    try:
        return pkcs12.load_pkcs12(Path(options[name]).read_bytes(), str(options.get(f"{name}-password", "")).encode())
    except (OSError, ValueError) as error:
        raise UserError(f"{name}: {options[name]} is no PKCS12 keystore that its password opens ({error})") from error


def _options(conf: Path) -> dict[str, Any]:
    try:
        return _flat(YAML(typ="safe").load(conf / "config.yaml") or {})
    except (OSError, YAMLError) as error:
        raise UserError(f"{conf / 'config.yaml'} cannot be read: {error}; {REMEDY}") from error


def _is_on(options: Mapping[str, Any], name: str) -> bool:
    return str(options.get(name)).lower() == "true"


def _flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flink reads `a: {b: 1}` and `a.b: 1` alike."""
    flat: dict[str, Any] = {}
    for name, value in nested.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat
