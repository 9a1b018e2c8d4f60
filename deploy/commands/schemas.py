"""`tickloom schemas`: check that what was written stays readable, and register."""

import click

from deploy.errors import UserError
from deploy.options import load
from schemas import avro, compatibility, registry
from schemas.resolutions import DEFAULT, seconds


@click.group()
def schemas() -> None:
    """The Avro schemas of the topics, schemas/*.avsc.

    A schema may change only so that everything written with any earlier version stays readable
    (BACKWARD_TRANSITIVE): add a field with a default, remove a field, make one nullable. To change one,
    edit the .avsc, run `tickloom schemas check`, and add it to schemas/history/<name>/ as the next version.
    """


@schemas.command()
@click.option("--registry", "url", metavar="URL", help="Check against every version registered here as well.")
def check(url: str | None) -> None:
    """Check the schemas against their committed history, and a registry when one is named.

    Ends with exit code 1 and one line a finding: schema or subject, field, and the rule it breaks.

    Example: tickloom schemas check --registry http://localhost:8082/apis/ccompat/v7
    """
    try:
        _check_history()
        found = registry.check(load({"registry": url}).registry_client()) if url else []
    except ValueError as error:
        raise UserError(str(error)) from error
    _refuse(found)
    place = f"their history and {url}" if url else "their history"
    click.echo(f"schemas: {', '.join(avro.names())} are compatible with {place}")


@schemas.command()
@click.option("--registry", "url", metavar="URL", required=True, help="Confluent-compatible registry.")
@click.option(
    "--resolution",
    "resolutions",
    multiple=True,
    default=DEFAULT,
    show_default=True,
    callback=lambda _context, _option, values: tuple(_resolution(value) for value in values),
    help="A length of candles that has a topic; may be repeated.",
)
def register(url: str, resolutions: tuple[str, ...]) -> None:
    """Register the schema of every topic and print subject, id and version.

    Registering again changes nothing. When one schema is not compatible, none is registered.

    Example: tickloom schemas register --registry http://localhost:8082/apis/ccompat/v7
    """
    try:
        _check_history()
        client = load({"registry": url}).registry_client()
        ids = registry.register(client, resolutions)
        versions = registry.versions(client, resolutions)
    except ValueError as error:
        raise UserError(str(error)) from error
    width = max(map(len, ids))
    click.echo(f"{'subject':{width}}  {'id':>6}  version")
    for subject, identity in ids.items():
        click.echo(f"{subject:{width}}  {identity:>6}  {versions[subject]:>7}")


def _check_history() -> None:
    _refuse([finding for name in avro.names() for finding in compatibility.check(name)])


def _refuse(found: list[str]) -> None:
    if found:
        raise UserError("\n".join(found))


def _resolution(value: str) -> str:
    try:
        seconds(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return value
