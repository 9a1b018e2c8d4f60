"""`tickloom reference`: instruments and corporate actions."""

import signal
from threading import Event

import click
from prometheus_client import start_http_server

from deploy import reference as capture
from deploy.options import brokers_option, load, metrics_port_option
from deploy.projections import postgres_url
from schemas.topics import REFERENCE
from services import logs


@click.group()
def reference() -> None:
    """Instruments and corporate actions, kept in PostgreSQL.

    They are the tables of the schema `reference` in the stack's PostgreSQL, or in the server that TICKLOOM_POSTGRES_URL
    names. What changes there follows to Kafka, and jobs let a trade see its instrument as of its own time.
    """


@reference.command()
@metrics_port_option
@brokers_option
def run(metrics_port: int | None, **flags: str | None) -> None:
    """Follow every change of the tables into topics until Ctrl-C.

    Debezium reads the server's log (wal_level = logical) through a replication slot; its first start reads all rows and
    fetches 40 MB. Killed or stopped, it goes on where it was, and a change may come twice: the topics are keyed by row
    and compacted. While it is away the server keeps the log, up to max_slot_wal_keep_size.

    \b
      tickloom reference run
    """
    settings = load(flags)
    logs.start("reference")
    if metrics_port:
        start_http_server(metrics_port, addr="127.0.0.1")
    stopped = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    database = capture.prepare(settings, postgres_url())
    click.echo(f"changes in {database.name} at {database.host} go to {', '.join(REFERENCE)}; Ctrl-C stops")
    capture.run(settings, database, stopped)
