"""What people advise, from webhooks, Telegram and Discord, as events: one intake over HTTP, a module a service."""

from services.signals.adapter import Adapter
from services.signals.discord import Discord
from services.signals.sources import Source
from services.signals.telegram import Telegram
from services.signals.webhook import Webhook

KINDS: dict[str, type[Adapter]] = {"webhook": Webhook, "telegram": Telegram, "discord": Discord}


def adapters(sources: dict[str, Source]) -> dict[str, Adapter]:
    """What reads the deliveries of each source, by its name. Raises SourcesError for a secret that is none."""
    return {name: KINDS[source.kind](name, source) for name, source in sources.items()}
