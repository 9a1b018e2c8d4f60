"""`python -m bench`: what the jobs and services take on this machine."""

import signal
import sys

import click
from confluent_kafka import KafkaException

from bench.comparison import jobs, peers
from bench.indicators import indicators
from bench.latency import latency
from bench.messages import messages
from bench.profile import profile
from bench.service import service
from bench.sweep import sweep
from deploy.errors import UserError


@click.group()
def bench() -> None:
    """Measure on stacks of their own. What is compared runs side by side, and its output is verified."""


for command in (jobs, messages, peers, sweep, latency, indicators, service, profile):
    bench.add_command(command)

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # an ended benchmark leaves no stack behind
    try:
        bench()
    except (UserError, ValueError, KafkaException) as error:
        sys.exit(f"bench: {error}")
