"""`tickloom dataset`: candles of the lake as files to learn from."""

from pathlib import Path

import click

from deploy import lake
from deploy.errors import UserError
from deploy.options import Instant, load
from schemas.lake import CANDLES, LakeError, connect
from services import dataset as datasets
from services.dataset import KEY, Query

EVERYTHING = ",".join(name for name in CANDLES.fields if name not in KEY)


@click.group()
def dataset() -> None:
    """Candles of the lake as they were known at a time, as Parquet files."""


@dataset.command()
@click.option("--as-of", type=Instant(), required=True, help="What was in the lake at this time.")
@click.option("--symbols", required=True, help="Symbols, joined by commas.")
@click.option("--resolution", default="1m", show_default=True, help="Length of the candles.")
@click.option("--features", default=EVERYTHING, help="Fields of the candles, joined by commas.  [default: all]")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="A new folder.")
def export(as_of: int, symbols: str, resolution: str, features: str, out: Path) -> None:
    """Write a Parquet file a symbol, and a manifest that tells where they come from and what their sha256 is.

    Of each window there is the highest revision that the lake had by then: nothing that became known later. The same
    call gives the same bytes, until the snapshot of then is expired.

    \b
      tickloom dataset export --as-of 2026-01-05T15:00:00Z --symbols ACME,BTC-USD --features close,volume --out set
    """
    query = Query(as_of, _names(symbols), resolution, _names(features))
    try:
        manifest = datasets.export(connect(*lake.place(load({}))), query, out)
    except LakeError as error:
        raise UserError(str(error)) from error
    click.echo(
        f"{manifest['rows']:,} candles of {len(query.symbols)} symbols in {out}, snapshot {manifest['snapshot_id']}"
    )


def _names(joined: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in joined.split(",") if name.strip()))
