"""`tickloom reference`: what is traded, the splits and dividends candles are adjusted for, and what is users' own."""

import json
import signal
from collections.abc import Mapping
from pathlib import Path
from threading import Event

import click
from prometheus_client import start_http_server

from deploy import options
from deploy import reference as capture
from deploy.errors import UserError
from deploy.projections import one_line, postgres_url
from schemas.users import COLUMNS
from services import logs, users
from services.projections.postgres import Postgres
from services.reference import CorporateAction, Instrument, ReferenceFileError, ReferenceRow, read

KINDS: Mapping[str, type[ReferenceRow]] = {"instruments": Instrument, "actions": CorporateAction}


@click.group()
def reference() -> None:
    """Instruments, corporate actions and what is users' own, kept in PostgreSQL.

    They are the tables of the schemas `reference` and `users` in the stack's PostgreSQL, or in the server that
    TICKLOOM_POSTGRES_URL names. What changes there follows to Kafka, and jobs let a trade see its instrument as of its
    own time.
    """


@reference.command()
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def load(kind: str, file: Path) -> None:
    """Add or change the rows of FILE, a CSV file with a header: all of them, or none where one is wrong.

    instruments have symbol, valid_from, type and currency, and where they have any name, multiplier, underlying,
    expiry, strike and option_right. actions have symbol, effective and type; a split its ratio of new shares (for old
    ones, per), a dividend its amount and, where the candles do not know it, close_before. The same file may be loaded
    again.

    \b
      printf 'symbol,effective,type,ratio\\nACME,2026-01-05T00:00:00Z,split,4\\n' > splits.csv
      tickloom reference load actions splits.csv
      curl 'http://127.0.0.1:8090/v1/candles?symbol=ACME&resolution=1d&adjusted=all'
    """
    try:
        rows = read(file, KINDS[kind])
    except ReferenceFileError as error:
        raise UserError(str(error)) from error
    with one_line(), Postgres(postgres_url()) as store:
        store.prepare()
        changed = store.upsert(rows)
    click.echo(f"{file}: {len(rows):,} {kind}, {changed:,} of them new or changed")


@reference.command()
@options.metrics_port_option
@options.brokers_option
def run(metrics_port: int | None, **flags: str | None) -> None:
    """Follow every change of the tables into topics until Ctrl-C.

    Debezium reads the server's log (wal_level = logical) through a replication slot; its first start reads all rows and
    fetches 40 MB. Killed or stopped, it goes on where it was, and a change may come twice: the topics are keyed by row
    and compacted. While it is away the server keeps the log, up to max_slot_wal_keep_size.

    \b
      tickloom reference run
    """
    settings = options.load(flags)
    logs.start("reference")
    if metrics_port:
        start_http_server(metrics_port, addr="127.0.0.1")
    stopped = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    database = capture.prepare(settings, postgres_url())
    click.echo(f"changes in {database.name} at {database.host} go to {', '.join(capture.TOPICS)}; Ctrl-C stops")
    capture.run(settings, database, stopped)


@reference.command()
@click.argument("table", type=click.Choice(list(COLUMNS)))
@options.brokers_option
def show(table: str, **flags: str | None) -> None:
    """Print the rows of a TABLE of users' own as its topic holds them, JSON lines, with what is personal masked.

    \b
      tickloom reference show accounts
    """
    logs.start("reference")
    with one_line():
        for row in users.rows(options.load(flags).kafka_client(), table):
            click.echo(json.dumps(row))
