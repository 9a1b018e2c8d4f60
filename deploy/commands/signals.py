"""`tickloom signals`: what people advise, taken in over HTTP."""

from contextlib import suppress
from pathlib import Path

import click
from prometheus_client import start_http_server

from deploy.errors import UserError
from deploy.options import brokers_option, load, metrics_port_option, registry_option
from deploy.projections import redis_url
from jobs.access import of
from jobs.settings import Settings, SettingsError
from jobs.topics import create_missing
from schemas.registry import RegistryError
from services import logs
from services.api.server import server
from services.signals import adapters, sources
from services.signals.adapter import Adapter
from services.signals.app import create
from services.signals.memory import Memory
from services.signals.outbox import Outbox


@click.group()
def signals() -> None:
    """Signals of programs, Telegram and Discord: who advises to buy, sell or close what, and how sure he is."""


@signals.command()
@click.option(
    "--sources", "file", required=True, type=click.Path(path_type=Path), help="TOML file of those who may deliver."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", default=8091, show_default=True, type=click.IntRange(1, 65535))
@metrics_port_option
@brokers_option
@registry_option
def run(file: Path, host: str, port: int, metrics_port: int | None, **flags: str | None) -> None:
    """Take the signals of the sources in a file until Ctrl-C, and write them to md.signals.v1.

    Each has a table, by its name, and delivers to /v1/signals/NAME:

    \b
      [alerts]
      kind = "webhook"
      secret = "ALERTS_SECRET"
      symbols = { BTC = "BTC-USD", ETH = "ETH-USD" }
      limit = "10/second"

    The kind is webhook (of programs, signed as www.standardwebhooks.com says), telegram (messages to a bot; the secret
    is the secret_token of setWebhook) or discord (the command /signal; the secret is the application's public key).
    `secret` names an environment variable, or in lower case a file in TICKLOOM_SECRETS_DIR. What is signed but no
    signal goes to md.signals.rejected.v1. Redis, the stack's or that of TICKLOOM_REDIS_URL, remembers deliveries: any
    number of intakes may run side by side. Put a proxy with TLS in front.

    \b
      tickloom signals run --sources sources.toml
    """
    found, settings = _adapters(file), load(flags)
    logs.start("signals")
    app = create(found, _outbox(settings), _memory())
    if metrics_port:
        start_http_server(metrics_port, addr="127.0.0.1")
    for name in found:
        click.echo(f"http://{host}:{port}/v1/signals/{name}")
    click.echo("Ctrl-C stops")
    with suppress(KeyboardInterrupt):  # the server has ended by then
        server(app, host, port).run()


def _adapters(file: Path) -> dict[str, Adapter]:
    try:
        return adapters(sources.load(file))
    except sources.SourcesError as error:
        raise UserError(str(error)) from error


def _memory() -> Memory:
    try:
        return Memory(redis_url())
    except ValueError as error:
        raise UserError(f"TICKLOOM_REDIS_URL: {error}") from error


def _outbox(settings: Settings) -> Outbox:
    try:
        create_missing(settings, of("signals", settings).creates)
        return Outbox(settings.kafka_client(), settings.registry_client())
    except (RegistryError, SettingsError) as error:
        raise UserError(str(error)) from error
