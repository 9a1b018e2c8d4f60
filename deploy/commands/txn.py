"""`tickloom txn`: transactions left open, and ending them by hand."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

import click
from rich.console import Console

from deploy.dead_letter_text import printable
from deploy.options import WIDTH, load
from deploy.txn import resolve, text
from deploy.txn.admin import TransactionAdmin
from deploy.txn.owners import Owners, owners
from deploy.txn.transactions import Transaction, find, open_transactions


@click.group()
def txn() -> None:
    """Transactions left open, usually by a job that is gone: readers of committed records wait for them.

    \b
      tickloom txn list
      tickloom txn show tickloom/candles/md.candles.1m.v1/-0-3
      tickloom txn abort tickloom/candles/md.candles.1m.v1/-0-3

    A sink opens a transaction with each checkpoint and commits it when the checkpoint is complete; until then nobody
    reads past its first record, the last stable offset. A job that starts again from its last checkpoint commits what
    belongs to it and aborts the rest, so starting it is the remedy where that is possible. What is left of a job that
    does not come back, or comes back under another prefix, is ended here, or by Kafka once transaction_timeout is over.
    """


def _where(command: Callable[..., None]) -> Callable[..., None]:
    """Flags that say where things are; the command gets a client of the brokers and the owners of transactions."""

    @click.option("--brokers", help="Kafka bootstrap servers.  [default: the setting, or the running stack's]")
    @click.option("--cluster", help="Flink's REST address, host:port, of the jobs.  [default: the running stack]")
    @wraps(command)
    def connected(brokers: str | None, cluster: str | None, **options: Any) -> None:
        settings = load({"brokers": brokers})
        with TransactionAdmin(settings) as admin:
            command(admin=admin, owned=owners(cluster), **options)

    return connected


@txn.command("list")
@_where
@click.option("--json", "as_json", is_flag=True, help="As JSON, with every partition.")
def show_list(admin: TransactionAdmin, owned: Owners, as_json: bool) -> None:
    """List the open transactions, first those that hold back a last stable offset.

    `hides` counts the records that readers do not get because of it; they wait for as long as the transaction's age.
    `owner` says whether the job runs (runs, gone), or that nobody can tell (unknown). A running job always has young
    transactions open: those are its own business.
    """
    found, now = open_transactions(admin), datetime.now(UTC)
    if as_json:
        click.echo(json.dumps([text.as_json(each, owned, now) for each in found], indent=2))
    elif found:
        Console(width=None if sys.stdout.isatty() else WIDTH).print(text.table(found, owned, now))
        click.echo(text.summary(found, now))
    else:
        click.echo("no transaction is open")


@txn.command()
@click.argument("transaction_id", metavar="ID")
@_where
def show(admin: TransactionAdmin, owned: Owners, transaction_id: str) -> None:
    """Show one: its state, its owner, and for each partition where it begins and what it hides."""
    found = resolve.known(transaction_id, find(admin, [transaction_id]))
    for name, value in text.lines(found, owned, datetime.now(UTC)):
        click.echo(f"{printable(name):18}{' ' if len(name) >= 18 else ''}{printable(value)}")


def _ending(command: Callable[..., None]) -> Callable[..., None]:
    ids = click.argument("ids", metavar="ID...", nargs=-1, required=True)
    yes = click.option("--yes", is_flag=True, help="Do not ask; refuses where nobody can tell whether the job runs.")
    return _where(ids(yes(command)))


@txn.command()
@_ending
def abort(admin: TransactionAdmin, owned: Owners, ids: tuple[str, ...], yes: bool) -> None:
    """Abort open transactions: their records are never read, those behind them become readable.

    Right when the checkpoint they belong to was not completed: the job writes these records again when it starts from
    the checkpoint before, or from nothing. A transaction that began after the last completed checkpoint belongs to
    none. Wrong when the checkpoint was completed: the job does not write the records again, they are lost. `tickloom
    audit` then names them, and `tickloom audit --repair` has them published as revisions.

    Refuses while a job that owns one of them runs.
    """
    _end(admin, owned, ids, yes, commit=False)


@txn.command()
@_ending
def commit(admin: TransactionAdmin, owned: Owners, ids: tuple[str, ...], yes: bool) -> None:
    """Commit open transactions: readers get their records, and those behind them.

    Right only when the checkpoint they belong to was completed: the job goes on after these records and never writes
    them again. It is then right for all of that checkpoint's transactions, of every topic of the job: those that began
    before it did. Wrong otherwise: they may hold half of what was to be written, and the job writes all of it again,
    so that readers get records twice. If in doubt, abort and `tickloom audit`.

    Refuses while a job that owns one of them runs.
    """
    _end(admin, owned, ids, yes, commit=True)


def _end(admin: TransactionAdmin, owned: Owners, ids: tuple[str, ...], yes: bool, *, commit: bool) -> None:
    wanted = resolve.check(ids, find(admin, ids), owned, confirmed=yes)
    if not yes:
        _confirm(wanted, owned, "commit" if commit else "abort")
    for each in wanted:
        resolve.end(admin, each, commit=commit)
        click.echo(f"{'committed' if commit else 'aborted'} {each.id}")
    for log in resolve.await_readable(admin, wanted):
        click.echo(text.reached(log))


def _confirm(wanted: list[Transaction], owned: Owners, verb: str) -> None:
    now = datetime.now(UTC)
    Console(width=None if sys.stdout.isatty() else WIDTH).print(text.table(wanted, owned, now))
    for told in text.owners_of(wanted, owned):
        click.echo(told)
    click.confirm(f"{verb} {text.counted(len(wanted), 'transaction')}?", abort=True)
