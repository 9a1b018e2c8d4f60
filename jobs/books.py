"""The book job: order books of every venue, rebuilt, and their depth at the end of every interval.

    books ─┬─ depths
           └─ rejected_updates

The rows come from the connector: an update is checked against the one before and against the venue's checksum; a book
with a hole waits for a snapshot.
"""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobs import kafka, topics
from jobs.environment import run_plan, streaming
from jobs.settings import Settings, SettingsError

if TYPE_CHECKING:
    from pyflink.table import StatementSet, TableEnvironment

NAME = "books"


def define(env: "TableEnvironment") -> "StatementSet":
    """Inserts from the table `books` into `depths` and `rejected_updates`."""
    inserts = env.create_statement_set()
    inserts.add_insert_sql("INSERT INTO depths SELECT depth.*, rt AS ts FROM books WHERE depth IS NOT NULL")
    inserts.add_insert_sql("INSERT INTO rejected_updates SELECT rejected.* FROM books WHERE rejected IS NOT NULL")
    return inserts


def main(arguments: Sequence[str]) -> None:
    """Run on Kafka, where missing topics are created first. The schemas must be registered there."""
    settings = Settings.from_arguments(arguments)
    topics.prepare(settings, NAME)
    env = streaming(settings, f"tickloom-{NAME}")
    kafka.create_books(env, NAME, settings)
    kafka.create_sinks(env, NAME, kafka.book_sinks(), settings)
    run_plan(env, define(env), settings)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SettingsError as error:
        sys.exit(f"tickloom: {error}")
