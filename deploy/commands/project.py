"""`tickloom project`: committed candles in the stores that people query."""

import signal
import threading

import click
from prometheus_client import start_http_server
from rich.console import Console

from deploy.options import brokers_option, load, metrics_port_option, registry_option
from deploy.projections import STORES, connected, one_line
from jobs.settings import Settings
from schemas import topics
from services import logs
from services.committed import CommittedReader
from services.projections import projector
from services.projections.projector import Projector
from services.traces import traced

name_argument = click.argument("name", type=click.Choice(list(STORES)))
resolutions_option = click.option("--resolutions", help="Lengths of candles.  [default: the setting]")


@click.group()
def project() -> None:
    """Keep databases up to date with the committed candles.

    postgres and clickhouse hold of every window the highest revision, redis of every symbol and resolution the latest
    candle. The topics stay the truth: a projection may be stopped, killed, run twice or built anew at any time, and
    ends up the same. TICKLOOM_POSTGRES_URL and TICKLOOM_REDIS_URL name other servers than those of the running stack,
    TICKLOOM_CLICKHOUSE_URL that of ClickHouse, which is none of the stack's.
    """


@project.command()
@name_argument
@metrics_port_option
@resolutions_option
@brokers_option
@registry_option
def run(name: str, metrics_port: int | None, **flags: str | None) -> None:
    """Follow the committed candles into NAME until Ctrl-C.

    Where the setting `retention` is given, months that are older are dropped.

    \b
      tickloom project run postgres
    """
    settings = load(flags)
    logs.start(f"projection-{name}")
    if metrics_port:
        start_http_server(metrics_port, addr="127.0.0.1")
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    group = f"{settings.transactional_id_prefix}-reader-{name}"
    clients = settings.kafka_client(), settings.registry_client()
    with one_line(), traced(f"projection-{name}") as traces:
        followed = Projector(*clients, _topics(settings), STORES[name], name, group, settings.retention, traces)
        click.echo(f"candles of {settings.brokers} go to {name}; Ctrl-C stops")
        followed.run(stopped.is_set)


@project.command()
@name_argument
@resolutions_option
@brokers_option
@registry_option
def rebuild(name: str, **flags: str | None) -> None:
    """Empty NAME and fill it with every candle that is committed now.

    A projection that runs meanwhile may go on.

    \b
      tickloom project rebuild postgres
    """
    settings = load(flags)
    wanted = dict.fromkeys(_topics(settings), "candle")
    with (
        connected([name]) as (store,),
        CommittedReader(settings.kafka_client(), settings.registry_client(), wanted) as reader,
        Console().status("") as status,
    ):
        written = projector.rebuild(reader, store, lambda count: status.update(f"{count:,} candles"))
    click.echo(f"{name}: rebuilt from {written:,} committed candles")


def _topics(settings: Settings) -> list[str]:
    return [topics.candles(resolution) for resolution in settings.resolutions]
