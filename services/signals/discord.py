"""Signals in commands to a Discord application (docs.discord.com/developers/interactions).

The command `/signal` has the options `symbol`, `direction` and, if one likes, `confidence`. Discord signs time and body
with Ed25519; the source's secret is the application's public key, in hexadecimal. It also sends what is signed wrongly,
to see it refused. Whoever gave the command, and nobody else, is told what became of it. Discord delivers once: who
reads that the application did not respond may find his signal taken all the same, and repeating it gives another.
"""

import re
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel, Field

from schemas.models import Amount
from services.oracle import SECOND_NS
from services.signals.adapter import TOLERANCE_S, Adapter, Outcome, SignatureError
from services.signals.said import NotUnderstoodError, Said, shaped, understand
from services.signals.sources import Source, SourcesError

PING = PONG = 1
COMMAND = 2
MESSAGE, ONLY_TO_THE_AUTHOR = 4, 64
EPOCH_MS = 1_420_070_400_000
"""First millisecond of 2015: ids are milliseconds since then, shifted by 22 bits."""
TOKEN = re.compile(rb'"token"\s*:\s*"[^"]*"')
"""With it one may answer in the application's name for a quarter of an hour."""
DIGITS = re.compile(r"[0-9]{1,20}")
Snowflake = Annotated[str, Field(pattern=f"^{DIGITS.pattern}$")]


class User(BaseModel):
    """Who gave a command."""

    id: Snowflake


class Member(BaseModel):
    """A user of a server."""

    user: User


class Option(BaseModel):
    """What was given with a command."""

    name: str
    value: str | Amount


class Command(BaseModel):
    """A command, and what was given with it."""

    name: str
    options: list[Option] = []


class Interaction(BaseModel):
    """A delivery. In a server there is a `member`, in a direct message a `user`."""

    id: Snowflake
    type: int
    channel_id: Snowflake
    data: Command
    member: Member | None = None
    user: User | None = None


class Discord(Adapter):
    """An application."""

    def __init__(self, name: str, source: Source) -> None:
        super().__init__(name, source)
        try:
            self._key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(source.secret.get_secret_value()))
        except ValueError:
            raise SourcesError(f"{name}: the secret of Discord is the public key, 64 hexadecimal digits") from None

    def check(self, headers: Mapping[str, str], body: bytes) -> None:
        told = headers.get("x-signature-timestamp", "")
        try:
            self._key.verify(bytes.fromhex(headers.get("x-signature-ed25519", "")), told.encode() + body)
            age_s = abs(time.time() - int(told))
        except (InvalidSignature, ValueError):
            raise SignatureError("signed by somebody else, or not at all") from None
        if age_s > TOLERANCE_S:
            raise SignatureError("signed too long ago, or in the future")

    def identity(self, headers: Mapping[str, str], content: Any) -> str | None:
        identity = content.get("id") if isinstance(content, dict) else None
        return identity if isinstance(identity, str) and DIGITS.fullmatch(identity) else None

    def greeting(self, content: Any) -> dict[str, Any] | None:
        return {"type": PONG} if isinstance(content, dict) and content.get("type") == PING else None

    def kept(self, body: bytes) -> bytes:
        return TOKEN.sub(b'"token":""', body)

    def said(self, content: Any) -> Said:
        found = shaped(Interaction, content)
        if found.type != COMMAND or found.data.name != "signal":
            raise NotUnderstoodError("command", "not the command /signal")
        user = found.member.user if found.member else found.user
        if user is None:
            raise NotUnderstoodError("shape", "neither member nor user")
        given = {option.name: _plain(option.value) for option in found.data.options}
        text = " ".join(given[name] for name in ("direction", "symbol", "confidence") if name in given)
        return Said(
            author=user.id,
            ts_event=((int(found.id) >> 22) + EPOCH_MS) * (SECOND_NS // 1_000),
            text=text,
            channel=found.channel_id,
            **vars(understand(text)),
        )

    def answer(self, outcome: Outcome) -> tuple[int, dict[str, Any]]:
        told = f"Not taken: {outcome.refusal}" if outcome.refusal else "Taken."
        return 200, {"type": MESSAGE, "data": {"content": told, "flags": ONLY_TO_THE_AUTHOR}}


def _plain(value: str | Decimal) -> str:
    return value if isinstance(value, str) else f"{value.normalize():f}"
