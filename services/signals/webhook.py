"""Signals of programs, signed as the Standard Webhooks specification 1.0.0 says (www.standardwebhooks.com).

The headers are `webhook-id`, `webhook-timestamp` and `webhook-signature`, an HMAC-SHA256 of both and the body. The id
is the same when a delivery is repeated; the time is that of the attempt, and must be within five minutes. The body is

    {"author": "desk", "symbol": "BTC", "direction": "buy", "confidence": "0.8",
     "ts_event": "2026-01-05T14:30:00Z", "text": "broke out"}

of which `confidence` and `text` may be left out.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import standardwebhooks
from pydantic import BaseModel, ConfigDict, Field
from standardwebhooks.webhooks import EmptyWebhookSecretError

from schemas.models import Confidence, Nanoseconds
from services.signals.adapter import Adapter, Outcome, SignatureError
from services.signals.said import Said, shaped
from services.signals.sources import Source, SourcesError

IDENTITY = re.compile(r"[A-Za-z0-9_-]{1,128}")
"""Without a full stop: that separates what is signed."""
Name = Annotated[str, Field(min_length=1, max_length=128)]


class Body(BaseModel):
    """What a delivery says."""

    model_config = ConfigDict(extra="forbid")

    author: Name
    symbol: Name
    direction: Literal["buy", "sell", "close"]
    confidence: Confidence | None = None
    ts_event: Nanoseconds
    text: Annotated[str, Field(max_length=1_000)] | None = None


class Webhook(Adapter):
    """A program that follows the specification."""

    def __init__(self, name: str, source: Source) -> None:
        super().__init__(name, source)
        try:
            self._signed = standardwebhooks.Webhook(source.secret.get_secret_value())
        except (ValueError, EmptyWebhookSecretError):
            raise SourcesError(f"{name}: the secret of a webhook is Base64, such as whsec_MfKQ9r8…") from None

    def check(self, headers: Mapping[str, str], body: bytes) -> None:
        if not IDENTITY.fullmatch(headers.get("webhook-id", "")):
            raise SignatureError("no webhook-id, or one that is not of letters, digits, _ and -")
        try:
            self._signed.verify(body, dict(headers), json_parse=False)
        except (standardwebhooks.WebhookVerificationError, ValueError) as error:  # the latter where headers are garbage
            raise SignatureError(str(error)) from None

    def identity(self, headers: Mapping[str, str], content: Any) -> str:
        return headers["webhook-id"]

    def said(self, content: Any) -> Said:
        body = shaped(Body, content)
        return Said(**dict(body))

    def answer(self, outcome: Outcome) -> tuple[int, dict[str, Any]]:
        if outcome.refusal:
            return 422, {"signal_id": outcome.signal_id, "detail": outcome.refusal}
        return 200, {"signal_id": outcome.signal_id}
