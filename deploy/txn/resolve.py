"""Ends transactions that wait for a decision, and waits until readers of committed records are past them."""

import time
from collections.abc import Iterable, Mapping, Sequence

from deploy.errors import UserError
from deploy.txn.admin import AdminError, Log, TransactionAdmin
from deploy.txn.owners import Owners
from deploy.txn.transactions import ONGOING, Transaction

WAIT_S = 10
POLL_S = 0.2
FENCED = ("ProducerFencedException", "InvalidProducerEpochException", "InvalidTxnStateException")


def check(
    ids: Iterable[str], found: Mapping[str, Transaction], owners: Owners, *, confirmed: bool
) -> list[Transaction]:
    """The transactions of these ids, fit to be ended; `confirmed` when nobody will be asked.

    Raises UserError for the first that is not known, not waiting for a decision, or owned by a running job, or,
    where nobody is asked, by a job that may run.
    """
    wanted = []
    for each in dict.fromkeys(ids):
        transaction = known(each, found)
        owner = owners.of(transaction.sink)
        if transaction.state != ONGOING:
            raise UserError(f"{each} waits for no decision: its state is {transaction.state}")
        if owner.runs:
            raise UserError(f"{each} is in use: {owner.told} and ends its transactions by itself; stop it first")
        if owner.runs is None and confirmed:
            raise UserError(f"{each}: its job may run ({owner.told}): name its cluster by --cluster, or omit --yes")
        wanted.append(transaction)
    return wanted


def known(transaction_id: str, found: Mapping[str, Transaction]) -> Transaction:
    """The transaction of this id. Raises UserError when Kafka does not know it."""
    if transaction_id not in found:
        raise UserError(f"Kafka knows no transaction {transaction_id}: `tickloom txn list` shows those that are open")
    return found[transaction_id]


def end(admin: TransactionAdmin, transaction: Transaction, *, commit: bool) -> None:
    """Commit or abort a transaction as it was found. Raises UserError when it has ended or changed since."""
    assert transaction.id
    try:
        admin.end(transaction.id, transaction.producer_id, transaction.epoch, commit=commit)
    except AdminError as error:
        if error.kind in FENCED:
            raise UserError(f"{transaction.id} has changed since it was looked up: `tickloom txn show` it") from error
        raise


def await_readable(admin: TransactionAdmin, ended: Sequence[Transaction]) -> list[Log]:
    """The partitions of ended transactions, once readers can come to where their ends are now, or time is over.

    Those in which another transaction is open may stay behind. Raises UserError when it is one of the ended.
    """
    written = {(each.place, of.producer_id, each.first_offset) for of in ended for each in of.written}
    places = {place for place, _, _ in written}
    ends = {place: log.end for place, log in admin.partitions(places).items() if place in places}
    deadline = time.monotonic() + WAIT_S
    while True:
        logs = [log for place, log in admin.partitions(places).items() if place in ends]
        behind = [log for log in logs if log.stable < ends[log.place]]
        if not behind or time.monotonic() > deadline:
            break
        time.sleep(POLL_S)
    for log in behind:
        if any((log.place, each.producer_id, each.first_offset) in written for each in log.writers):
            raise UserError(f"{log.topic} {log.partition}: Kafka has not done it after {WAIT_S} s: look at its log")
    return logs
