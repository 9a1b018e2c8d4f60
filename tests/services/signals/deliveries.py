"""Deliveries as the services document them, signed with keys of the tests.

The files beside this one have the fields that core.telegram.org/bots/api and docs.discord.com/developers show.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.signals import KINDS
from services.signals.adapter import Adapter
from services.signals.sources import Source

FOLDER = Path(__file__).parent
SAID_NS = 1_767_623_400_000_000_000
"""2026-01-05T14:30:00Z, when the payloads begin."""
SYMBOLS = {"BTC": "BTC-USD", "ETH": "ETH-USD"}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TOKEN = "a-secret_TOKEN-of-setWebhook"
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
VARIABLES = {"ALERTS": SECRET, "TELEGRAM": TOKEN, "DISCORD": KEY.public_key().public_bytes_raw().hex()}
"""The secret of each source, by its environment variable."""
SIGNAL = {
    "author": "desk",
    "symbol": "BTC",
    "direction": "buy",
    "confidence": "0.8",
    "ts_event": "2026-01-05T14:30:00.000000001Z",
    "text": "broke out",
}


def payload(name: str) -> bytes:
    """What a service delivers, tests/services/signals/<name>.json."""
    return (FOLDER / f"{name}.json").read_bytes()


def source(kind: str, limit: str = "100/second") -> Source:
    """One of a kind; the secrets must be in the environment."""
    variable = {"webhook": "ALERTS", "telegram": "TELEGRAM", "discord": "DISCORD"}[kind]
    return Source.model_validate({"kind": kind, "secret": variable, "symbols": SYMBOLS, "limit": limit})


def adapters(**limits: str) -> dict[str, Adapter]:
    """One of each kind: `alerts`, `desk` and `server`."""
    names = {"alerts": "webhook", "desk": "telegram", "server": "discord"}
    return {name: KINDS[kind](name, source(kind, limits.get(name, "100/second"))) for name, kind in names.items()}


def body(**changed: Any) -> bytes:
    """What a webhook delivers; None leaves a field out."""
    return json.dumps({name: value for name, value in {**SIGNAL, **changed}.items() if value is not None}).encode()


def signature(identity: str, seconds: int, content: bytes, secret: str = SECRET) -> str:
    """As the Standard Webhooks specification has it."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.new(key, f"{identity}.{seconds}.".encode() + content, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"


def webhook(content: bytes, identity: str = "msg_1", secret: str = SECRET, age_s: int = 0) -> dict[str, str]:
    """The headers of a webhook."""
    seconds = int(time.time()) - age_s
    signed = signature(identity, seconds, content, secret)
    return {"webhook-id": identity, "webhook-timestamp": str(seconds), "webhook-signature": signed}


def telegram(token: str = TOKEN) -> dict[str, str]:
    """The header of an update."""
    return {"x-telegram-bot-api-secret-token": token}


def discord(content: bytes, key: Ed25519PrivateKey = KEY, age_s: int = 0) -> dict[str, str]:
    """The headers of an interaction."""
    seconds = str(int(time.time()) - age_s)
    return {"x-signature-ed25519": key.sign(seconds.encode() + content).hex(), "x-signature-timestamp": seconds}


def headers(adapter: Adapter, content: bytes, identity: str = "msg_1") -> Mapping[str, str]:
    """Those with which the service of an adapter delivers."""
    return {"webhook": webhook(content, identity), "telegram": telegram(), "discord": discord(content)}[
        adapter.source.kind
    ]
