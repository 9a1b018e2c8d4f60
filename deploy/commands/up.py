"""`tickloom up`: the local stack, in the foreground or left running."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import click
from rich.console import Console

from deploy.stack import Stack, lifecycle
from deploy.stack.ends import ends
from deploy.stack.ports import HOST
from deploy.stack.postgres import USER
from deploy.stack.state import PARTS

Port = click.IntRange(1, 65535)


@click.command()
@click.option("--detach", "-d", is_flag=True, help="Return once everything is healthy, and leave it running.")
@click.option("--kafka-port", type=Port, help="Broker; 9092 when free, else any free one.")
@click.option("--registry-port", type=Port, help="Schema registry; 8082 when free, else any free one.")
@click.option("--flink-port", type=Port, help="Flink's REST API and UI; 8081 when free, else any free one.")
@click.option("--postgres-port", type=Port, help="PostgreSQL; 5432 when free, else any free one.")
@click.option("--redis-port", type=Port, help="Redis; 6379 when free, else any free one.")
def up(detach: bool, **stated: int | None) -> None:
    """Start Kafka, the schema registry, a Flink cluster, PostgreSQL and Redis on this machine.

    Stays in the foreground until Ctrl-C, which stops everything in order; topics and schemas are kept for the
    next time. With --detach, `tickloom down` stops it. What ends by itself is started again, and jobs go on from
    their latest checkpoint; with the stack they end.
    """
    stack, started = lifecycle.start({name.removesuffix("_port"): port for name, port in stated.items() if port})
    if not started:
        click.echo("already running:")
        _addresses(stack)
        return
    with _stopped_unless(stack, keep=detach):
        _await_health(stack)
        _addresses(stack)
        if not detach:
            _stay(stack)


def _await_health(stack: Stack) -> None:
    with Console().status("starting " + ", ".join(PARTS)):
        lifecycle.await_health(stack, _ready)


def _ready(part: str, seconds: float) -> None:
    click.echo(f"  {part:12} ready after {seconds:4.1f} s")


def _addresses(stack: Stack) -> None:
    click.echo(f"  Kafka            {stack.bootstrap_servers}")
    click.echo(f"  Schema registry  {stack.registry_url}")
    click.echo(f"  Flink            {stack.flink_rest_url}")
    click.echo(
        f"  PostgreSQL       {HOST}:{stack.ports.postgres} (user {USER}, password in {stack.folder}/postgres/password)"
    )
    click.echo(f"  Redis            {HOST}:{stack.ports.redis} (password in {stack.folder}/redis/password)")
    click.echo(f"  logs and data    {stack.folder}")


def _stay(stack: Stack) -> None:
    click.echo("Ctrl-C stops the stack")
    pids = stack.pids
    while stack.supervisor():
        time.sleep(0.5)
        for part, pid in stack.pids.items():
            if pids.get(part) != pid:
                click.echo(f"  {part} was started again (pid {pid}): {ends(stack, part)} (`tickloom logs {part}`)")
            pids[part] = pid
    click.echo("the stack was stopped elsewhere")


@contextmanager
def _stopped_unless(stack: Stack, keep: bool) -> Iterator[None]:
    """Stops the stack after Ctrl-C, a signal or an error, and at the end of the block unless it is kept."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        yield
    except KeyboardInterrupt:
        click.echo("\nstopping")
        _stop(stack)
    except BaseException:
        _stop(stack)
        raise
    else:
        if not keep:
            _stop(stack)


def _stop(stack: Stack) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave half a stack behind
    lifecycle.stop(lambda part: click.echo(f"  {part} stopped"), only=stack)


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt
