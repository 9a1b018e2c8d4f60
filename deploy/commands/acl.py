"""`tickloom acl`: the rights of jobs, producers and readers on Kafka, shown and granted."""

from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from deploy.acl import Acl, as_json, of, parse
from deploy.acl import apply as grant
from deploy.errors import UserError
from deploy.options import WIDTH, load, settings_options
from jobs.access import ROLES
from jobs.settings import Settings

ROLE = "{role}"


@click.group()
def acl() -> None:
    """The least rights on Kafka: of each job, of who sends trades (producer), takes signals, reads candles (reader),
    audits or mends.

    They follow from the settings: the topics, the consumer group and the transactional ids that a role uses, and
    nothing else. Take them where the broker denies by default (StandardAuthorizer).
    """


def _acls(command: Callable[..., None]) -> Callable[..., None]:
    """Flags that say whose rights; the command gets the ACLs and the settings."""

    @click.argument("roles", nargs=-1, type=click.Choice(tuple(ROLES)))
    @click.option(
        "--principal",
        default=f"User:tickloom-{ROLE}",
        show_default=True,
        help=f"Who has a role; {ROLE} stands for its name.",
    )
    @settings_options
    @wraps(command)
    def with_acls(roles: tuple[str, ...], principal: str, **options: Any) -> None:
        flags = {name: options.pop(name) for name in list(options) if name in Settings.model_fields}
        settings = load(flags)
        found = (each for role in roles or ROLES for each in of(role, principal.replace(ROLE, role), settings))
        command(list(dict.fromkeys(found)), settings, **options)

    return with_acls


@acl.command("print")
@click.option(
    "--format", "form", type=click.Choice(("table", "kafka-acls", "json")), default="table", show_default=True
)
@_acls
def print_(acls: list[Acl], _settings: Settings, form: str) -> None:
    """Print what the ROLEs need; of all of them when none is named.

    \b
      tickloom acl print candles
      tickloom acl print --format json > acls.json
      tickloom acl print reader --principal User:alice --format kafka-acls

    Lines of kafka-acls are arguments of Kafka's own tool.
    """
    if form == "json":
        click.echo(as_json(acls))
    elif form == "kafka-acls":
        click.echo("\n".join(each.arguments() for each in acls))
    else:
        Console(width=WIDTH).print(_table(acls))


@acl.command()
@click.option(
    "--file", "file", type=click.Path(path_type=Path), help="Grant these instead, as `print --format json` writes them."
)
@_acls
def apply(acls: list[Acl], settings: Settings, file: Path | None) -> None:
    """Grant what the ROLEs need, of all of them when none is named; or what a file holds.

    \b
      tickloom acl apply candles producer reader
      tickloom acl apply --file acls.json

    The settings must be those of somebody who may alter the cluster. What is granted already stays, also what nobody
    needs any more: Kafka's `kafka-acls --remove` takes it away.
    """
    if file is not None:
        acls = _read(file)
    grant(acls, settings)
    click.echo(f"{settings.brokers}: {len(acls)} ACLs granted to {', '.join(dict.fromkeys(a.principal for a in acls))}")


def _read(file: Path) -> list[Acl]:
    try:
        return parse(file.read_text())
    except OSError as error:
        raise UserError(f"--file {file}: {error.strerror}") from error


def _table(acls: list[Acl]) -> Table:
    table = Table("principal", "may", "resource", "name", box=None, pad_edge=False)
    rights: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for each in acls:
        name = f"{each.name}…" if each.pattern == "PREFIXED" else each.name
        rights[each.principal, each.resource, name].append(each.operation)
    for (principal, resource, name), operations in rights.items():
        table.add_row(principal, ", ".join(operations), resource, name)
    return table
