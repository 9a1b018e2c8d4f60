"""Signals in messages to a Telegram bot (core.telegram.org/bots/api, `Update` and `setWebhook`).

Telegram shows the `secret_token` of setWebhook in a header, signs nothing and tells no time of the attempt: whoever has
seen a delivery could make others. A message or a post in a channel is a signal when its text, or the caption of its
picture, is one. An edit is none: what was said stays as it was, others may have acted on it.
"""

import hmac
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from schemas.models import Long
from services.oracle import SECOND_NS
from services.signals.adapter import Adapter, Outcome, SignatureError
from services.signals.said import NotUnderstoodError, Said, shaped, understand

TOKEN_HEADER = "x-telegram-bot-api-secret-token"


class Someone(BaseModel):
    """A user, or a chat: those of groups and channels are below 0."""

    id: Long


class Message(BaseModel):
    """What is told of a message; `date` is in seconds."""

    date: Long
    chat: Someone
    user: Someone | None = Field(None, alias="from")
    sender_chat: Someone | None = None
    text: str | None = None
    caption: str | None = None


class Update(BaseModel):
    """A delivery."""

    update_id: Long
    message: Message | None = None
    channel_post: Message | None = None
    edited_message: Message | None = None
    edited_channel_post: Message | None = None


class Telegram(Adapter):
    """A bot."""

    def check(self, headers: Mapping[str, str], body: bytes) -> None:
        told = headers.get(TOKEN_HEADER, "")
        if not hmac.compare_digest(told.encode(), self.source.secret.get_secret_value().encode()):
            raise SignatureError("the secret token is another")

    def identity(self, headers: Mapping[str, str], content: Any) -> str | None:
        number = content.get("update_id") if isinstance(content, dict) else None
        return str(number) if type(number) is int and 0 <= number < 2**63 else None

    def said(self, content: Any) -> Said:
        update = shaped(Update, content)
        if update.edited_message or update.edited_channel_post:
            raise NotUnderstoodError("edited", "an edit does not change what was said")
        message = update.message or update.channel_post
        text = message and (message.text or message.caption)
        if not message or not text:
            raise NotUnderstoodError("text", "neither a message nor a post with a text")
        words = understand(text)
        author = message.sender_chat or message.user or message.chat
        return Said(
            author=str(author.id),
            ts_event=message.date * SECOND_NS,
            text=text,
            channel=str(message.chat.id),
            **vars(words),
        )

    def answer(self, outcome: Outcome) -> tuple[int, dict[str, Any]]:
        """Whatever is not 200 Telegram would send again."""
        return 200, {"detail": outcome.refusal} if outcome.refusal else {}
