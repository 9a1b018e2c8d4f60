"""Logs of a service: lines to read in a terminal, a JSON object a line anywhere else."""

import logging
import sys
from uuid import uuid4

from pythonjsonlogger.json import JsonFormatter

LEVELS = {"tickloom": logging.INFO}
"""Of what is not ours, only warnings."""


def start(service: str) -> None:
    """Log to standard error from now on.

    An object has the service and the run, which is of this process alone, and whatever the line is about: topic,
    partition and offset, symbol, job.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(service, sys.stderr.isatty()))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name, level in LEVELS.items():
        logging.getLogger(name).setLevel(level)


def formatter(service: str, for_people: bool) -> logging.Formatter:
    """Of lines of a service."""
    if for_people:
        return logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    return JsonFormatter(
        ["levelname", "name", "message"],
        timestamp=True,
        rename_fields={"levelname": "level", "name": "logger"},
        static_fields={"service": service, "run": uuid4().hex},
    )


def warn_of(log: logging.Logger, topic: str | None, partition: int | None, offset: int | None, why: object) -> None:
    """A record that is passed over."""
    place = {"topic": topic, "partition": partition, "offset": offset}
    log.warning("%s[%s], offset %s: %s", topic, partition, offset, why, extra=place)
