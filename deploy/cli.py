"""The `tickloom` command: one module of `deploy.commands` a subcommand, imported when it is called."""

import importlib
import sys

import click

from deploy.errors import UserError

COMMANDS = {
    "demo": "100,000 real trades through everything, and every candle checked",
    "doctor": "check this machine and say how to mend what is wrong",
    "up": "start Kafka, the schema registry, a Flink cluster, PostgreSQL and Redis",
    "down": "stop them",
    "status": "what runs, where, for how long, with how much memory",
    "logs": "what they say",
    "submit": "start a job on the cluster",
    "stop": "end a job with a savepoint, so that it can go on later",
    "savepoints": "the savepoints of a job",
    "plan": "the state of a job, and what an upgrade would make of it: check, print, diff",
    "upgrade": "let another version of a job go on from its state",
    "rollback": "let the version before go on",
    "backfill": "candles of trades files, or of what a topic holds, as files",
    "audit": "recompute every candle from the raw trades and compare; repair what is wrong",
    "project": "keep databases up to date with the committed candles, or build them anew",
    "api": "serve the candles over HTTP, with streams, GraphQL and a dashboard",
    "reference": "instruments and corporate actions: load them, follow their changes",
    "lake": "the tables of the lake: compact files, expire snapshots",
    "dataset": "candles of the lake as they were known at a time, as Parquet files",
    "quality": "how good the data of a period is: a table, JSON, or a page with pictures",
    "monitoring": "what Prometheus, Alertmanager and Grafana read, for what runs",
    "size": "how large a cluster takes so many trades a second",
    "config": "the settings of the jobs, as they would be used",
    "jars": "the jars: lock, sync, list",
    "schemas": "the Avro schemas: check compatibility, register",
    "dlq": "rejected and flagged trades: list, show, replay",
    "txn": "transactions that a job has left open: list, show, abort, commit",
    "acl": "the least rights on Kafka of jobs, producers and readers: print, apply",
    "feed": "trades of Coinbase, Kraken, Binance and Bitstamp as they happen: run, record, replay",
    "signals": "take in what webhooks, Telegram and Discord advise to buy or sell",
    "replay": "send trades files to Kafka, with their own timing or as fast as possible",
}


class LazyGroup(click.Group):
    """A click group whose subcommands are imported on first use, so that `--help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"deploy.commands.{name}")
        command: click.Command = getattr(module, name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tickloom")
def cli() -> None:
    """Exactly-once, event-time-correct market data with Apache Flink."""


def main() -> None:
    """Run the command line; a UserError is one line on stderr and exit code 1."""
    try:
        cli()
    except UserError as error:
        click.echo(f"tickloom: {error}", err=True)
        sys.exit(1)
