"""`tickloom jars`: pin, fetch and show the jars."""

import click

from deploy import core, downloads, paths
from deploy import jars as store


@click.group()
def jars() -> None:
    """The jars, by Maven coordinate: declared in deploy/jars.toml, pinned in deploy/jars.lock."""


@jars.command()
@click.argument("groups", nargs=-1, type=click.Choice(store.ON_DEMAND))
def sync(groups: tuple[str, ...]) -> None:
    """Download what is missing, check every sha256, compile the JVM core and the metrics reporter.

    Large GROUPS that not everybody needs are fetched when they are named, or by the job that needs them.
    """
    fetched = downloads.fetch(groups)
    click.echo(f"jars: {fetched} downloaded, all verified")
    compiled = core.is_stale()
    core.build()
    core.build(core.METRICS)
    click.echo(f"JVM core: {'compiled' if compiled else 'up to date'}")
    core.share_java_classes()


@jars.command()
def lock() -> None:
    """Resolve jars.toml into jars.lock."""
    with downloads.bars() as drawn:
        pinned = store.lock(downloads.Bars(drawn))
    click.echo(f"{store.LOCK.relative_to(paths.ROOT)}: {len(pinned)} files pinned")


@jars.command("list")
def show() -> None:
    """Show what is pinned and whether it is here."""
    for jar in store.read_lock():
        state = "here" if jar.path.exists() else "missing"
        click.echo(f"{jar.group:9} {state:8} {jar.coordinate}")
