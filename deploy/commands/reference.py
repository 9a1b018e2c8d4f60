"""`tickloom reference`: what is traded, and the splits and dividends that candles are adjusted for."""

from collections.abc import Mapping
from pathlib import Path

import click

from deploy.errors import UserError
from deploy.projections import one_line, postgres_url
from services.projections.postgres import Postgres
from services.reference import CorporateAction, Instrument, ReferenceFileError, ReferenceRow, read

KINDS: Mapping[str, type[ReferenceRow]] = {"instruments": Instrument, "actions": CorporateAction}


@click.group()
def reference() -> None:
    """Instruments, splits and dividends, in the database that holds the candles.

    TICKLOOM_POSTGRES_URL names another server than that of the running stack.
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
