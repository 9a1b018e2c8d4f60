"""`tickloom dlq`: the records that broke a rule, and sending them again."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import click
from rich.console import Console

from deploy.dead_letter_text import as_json, lines, printable, table
from deploy.errors import UserError
from deploy.options import INTERRUPTED, WIDTH, Pair, ctrl_c_stops, load
from jobs import topics
from jobs.settings import Settings, SettingsError
from schemas.exact import nanoseconds
from schemas.models import Trade
from schemas.registry import RegistryError
from schemas.topics import REJECTED, REPLAYED, TRADES
from services.committed import CommittedReadError
from services.dead_letter_replay import DeadLetterReplay, DeadLetterReplayError, Judge, Summary
from services.dead_letters import (
    DeadLetters,
    LetterReader,
    Origin,
    Wanted,
    changes,
    groups,
    origin_of,
)
from udfs import rules as validation_rules
from udfs.validation import judge

SHOWN = 5
GROUPS_SHOWN = 40


class Time(click.ParamType[int]):
    """ISO-8601 with a zone, as nanoseconds."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return nanoseconds(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Place(click.ParamType[Origin]):
    """PARTITION:OFFSET."""

    name = "PARTITION:OFFSET"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Origin:
        partition, _, offset = str(value).partition(":")
        if not (partition.isascii() and partition.isdigit() and offset.isascii() and offset.isdigit()):
            self.fail(f"{value!r} is not PARTITION:OFFSET, such as 0:42", param, ctx)
        return Origin(int(partition), int(offset))


@click.group()
def dlq() -> None:
    """The dead letters: records of the trades topic that a rule rejected or flagged.

    The candle job writes each of them to md.trades.rejected.v1, with its bytes, its origin and the rule's name. The
    rules are data: udfs/rules.toml, or the file that the setting `rules` names.
    """


def _where(command: Callable[..., None]) -> Callable[..., None]:
    """Flags that say where things are; the command gets the settings, and errors are one line."""

    @click.option("--brokers", help="Kafka bootstrap servers.  [default: the setting, or the running stack's]")
    @click.option("--registry", help="URL of the schema registry.  [default: likewise]")
    @click.option("--topic", help=f"Topic of the trades.  [default: the setting trades_topic, {TRADES}]")
    @wraps(command)
    def with_settings(brokers: str | None, registry: str | None, topic: str | None, **options: Any) -> None:
        try:
            command(load({"brokers": brokers, "registry": registry, "trades_topic": topic}), **options)
        except (CommittedReadError, RegistryError, DeadLetterReplayError, SettingsError) as error:
            raise UserError(str(error)) from error

    return with_settings


def _which(command: Callable[..., None]) -> Callable[..., None]:
    """Flags that choose dead letters."""

    @click.option("--rule", "names", multiple=True, help="Only those of this rule; repeat it.")
    @click.option("--since", type=Time(), help="Only those with a Kafka timestamp from then on: 2026-01-05T14:30:00Z.")
    @wraps(command)
    def with_wanted(names: tuple[str, ...], since: int | None, **options: Any) -> None:
        command(wanted=Wanted(rules=names, since=since), **options)

    return with_wanted


def _letters(settings: Settings) -> DeadLetters:
    return DeadLetters(settings.kafka_client(), settings.registry_client(), settings.trades_topic)


@dlq.command("list")
@_which
@_where
@click.option("--json", "json_asked", is_flag=True, help="As JSON, every group.")
def show_list(settings: Settings, wanted: Wanted, json_asked: bool) -> None:
    """Count them by rule, severity and symbol, with the first and last Kafka timestamp and the latest origin."""
    letters = _letters(settings)
    with _reading():
        found = groups(letters.read(wanted), letters.replayed())
    if json_asked:
        click.echo(json.dumps([as_json(group) for group in found], indent=2))
    elif found:
        console = Console(width=None if sys.stdout.isatty() else WIDTH)
        console.print(table(found[:GROUPS_SHOWN]))
        if len(found) > GROUPS_SHOWN:
            click.echo(f"{len(found) - GROUPS_SHOWN:,} groups more: --json shows all, --rule some")
    else:
        click.echo(f"no dead letters of {settings.trades_topic}")


@contextmanager
def _reading() -> Iterator[None]:
    console = Console(stderr=True)
    with console.status(f"reading {REJECTED}"):
        yield


@dlq.command()
@click.argument("origin", type=Place())
@_where
def show(settings: Settings, origin: Origin) -> None:
    """Show one: PARTITION:OFFSET is its place in the trades topic, as `list` gives it.

    Says which rule it broke and why, whether it was sent again, what it would be by the rules as they are now, and
    what it holds: the fields of the trade, or bytes where they are none.
    """
    letters = _letters(settings)
    with _reading():
        found = [letter for letter in letters.read(Wanted()) if origin_of(letter) == origin]
        replayed = letters.replayed().get(origin)
    if not found:
        raise UserError(f"{settings.trades_topic} {origin} is no dead letter: `tickloom dlq list` shows origins")
    reader, decide = LetterReader(settings.registry_client()), _judge(settings)
    for letter in found:
        for name, value in lines(letter, replayed, reader, decide):
            click.echo(f"{name:18}{printable(value)}")


@dlq.command()
@_which
@_where
@click.option("--set", "mended", type=Pair(), multiple=True, help="Mend a field first: size=1. Repeat it for more.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and send nothing.")
def replay(settings: Settings, wanted: Wanted, mended: tuple[tuple[str, str], ...], dry_run: bool) -> None:
    """Send rejected records again that are acceptable now: mended by --set, or because the rules have changed.

    \b
      tickloom dlq replay --rule future --since 2026-01-05T14:30:00Z --dry-run
      tickloom dlq replay --rule size --set size=1

    Each is sent once: the trade and a line in md.trades.replayed.v1 are one transaction, and a second replay passes
    over what is there. A trade that was sent again names its origin in the headers tickloom.origin.topic, .partition,
    .offset and .rule, and keeps its Kafka timestamp. What the rules still reject is left where it is. Ctrl-C ends after
    the transaction it is in.
    """
    try:
        values = changes(dict(mended))
    except ValueError as error:
        raise UserError(f"--set {error}") from error
    transactional_id = f"{settings.transactional_id_prefix}/dlq/{settings.trades_topic}/"
    run = DeadLetterReplay(_letters(settings), _judge(settings), values, transactional_id)
    with ctrl_c_stops(run.stop):
        summary = run.dry_run(wanted) if dry_run else _send(run, settings, wanted)
    _report(summary, settings.trades_topic, dry_run)
    if summary.interrupted:
        sys.exit(INTERRUPTED)


def _judge(settings: Settings) -> Judge:
    found = validation_rules.load(settings.rules)

    def reason(trade: Trade, ts_kafka: int | None) -> str | None:
        finding = judge(found, trade, ts_kafka)
        return finding.reason if finding and finding.severity == "reject" else None

    return reason


def _send(run: DeadLetterReplay, settings: Settings, wanted: Wanted) -> Summary:
    topics.create_missing(settings, [REPLAYED])
    console = Console(stderr=True)
    with console.status("replaying") as status:
        return run.run(wanted, lambda summary: status.update(f"replaying: {summary.replayed:,} sent"))


def _report(summary: Summary, topic: str, dry_run: bool) -> None:
    for origin, reason in summary.reasons[:SHOWN]:
        click.echo(f"  left {origin}: {printable(reason)}", err=True)
    if summary.failing > SHOWN:
        click.echo(f"  left {summary.failing - SHOWN:,} more", err=True)
    state = "would send" if dry_run else "interrupted, sent" if summary.interrupted else "sent"
    click.echo(
        f"dlq replay: {state} {summary.replayed:,} to {topic}; {summary.before:,} were sent before, "
        f"{summary.failing:,} still fail and are left"
    )
