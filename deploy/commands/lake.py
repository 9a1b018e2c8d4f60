"""`tickloom lake`: upkeep of the tables, while the lake job runs or without it."""

import time
from datetime import timedelta

import click

from deploy import downloads
from deploy import lake as upkeep
from deploy.options import load
from jobs.settings import DURATION, UNIT_MS, Settings
from schemas.lake import TABLES

MEGABYTE = 1_000_000


class Age(click.ParamType[timedelta]):
    """A whole number and h, min, s or ms, as in the settings."""

    name = "DURATION"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        match = DURATION.fullmatch(value)
        if not match:
            self.fail(f"{value!r} is no duration, such as 168h or 30min", param, ctx)
        return timedelta(milliseconds=int(match[1]) * UNIT_MS[match[2]])


@click.group()
def lake() -> None:
    """Upkeep of the tables of the lake, that of the running stack or of the setting lake_catalog.

    The lake job may run meanwhile.

    \b
      tickloom submit lake
      tickloom lake compact
      tickloom lake expire --older-than 168h
    """


@lake.command()
@click.option(
    "--target", "target_mb", type=click.IntRange(min=1), default=128, help="Size of a file, MB.  [default: 128]"
)
def compact(target_mb: int) -> None:
    """Write the small files of each partition anew, as few.

    The rows stay the same, and so do older snapshots: their files go when those expire.
    """
    settings = _settings()
    for table in TABLES:
        done = upkeep.compact(settings, table, target_mb * MEGABYTE)
        click.echo(f"{table.identifier}: {done.replaced} files are {done.written} now")


@lake.command()
@click.option("--older-than", "age", type=Age(), default="168h", help="  [default: 168h]")
def expire(age: timedelta) -> None:
    """Drop old snapshots, and the files that only they hold.

    The rows of the present stay; a data set as of an earlier time can no longer be exported. The latest snapshot of the
    job stays too, and all that came after it: a job that starts again looks there for what it has committed.
    """
    settings = _settings()
    before_ms = time.time_ns() // 1_000_000 - age // timedelta(milliseconds=1)
    for table in TABLES:
        done = upkeep.expire(settings, table, before_ms)
        click.echo(f"{table.identifier}: {done.expired} snapshots dropped, {done.left} left")


def _settings() -> Settings:
    settings = load({})
    downloads.fetch(["lake"])
    return settings
