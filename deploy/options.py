"""What commands share: types of options, the settings of the jobs as flags and where they come from, Ctrl-C."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from deploy.errors import UserError
from jobs.settings import Settings, SettingsError, format_duration
from schemas.exact import nanoseconds

SECRETS = {"kafka_password", "kafka_properties", "registry_password", "registry_token", "lake_catalog"}
WIDTH = 400
"""Columns of a table that goes to a file or a pipe: nothing is cut there."""
INTERRUPTED = 130
"""Exit code after Ctrl-C."""
NOT_A_FLAG = {*SECRETS, "jars", "stop_offsets"}

brokers_option = click.option("--brokers", help="Kafka bootstrap servers.  [default: the setting, or the stack's]")
registry_option = click.option("--registry", help="URL of the schema registry.  [default: likewise]")
metrics_port_option = click.option(
    "--metrics-port", type=click.IntRange(1, 65535), help="Serve Prometheus metrics here.  [default: not]"
)


class Instant(click.ParamType[int]):
    """A time: ISO-8601 with a zone, or nanoseconds since the epoch."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Nanoseconds since the epoch, UTC."""
        try:
            return nanoseconds(int(value) if str(value).lstrip("-").isdigit() else value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Pair(click.ParamType[tuple[str, str]]):
    """NAME=VALUE."""

    name = "NAME=VALUE"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        name, separator, rest = value.partition("=")
        if not (name and separator and rest):
            self.fail(f"{value!r} is not NAME=VALUE", param, ctx)
        return name, rest


class Speed(click.ParamType[float | None]):
    """A factor above 0, or `max`."""

    name = "FACTOR|max"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        if value == "max":
            return None
        try:
            factor = float(value)
        except ValueError:
            factor = 0.0
        if not 0 < factor < float("inf"):
            self.fail(f"{value!r} is neither a factor above 0 nor max", param, ctx)
        return factor


def settings_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add a flag for every setting; the command gets those that were given as keyword arguments."""
    for name, field in reversed(Settings.model_fields.items()):
        if name not in NOT_A_FLAG:
            flag = f"--{name.replace('_', '-')}"
            help_text = f"{field.description}  [default: {_shown(field.default)}]"
            command = click.option(flag, name, help=help_text)(command)
    return command


def deployment_option(command: Callable[..., None]) -> Callable[..., None]:
    """Add the flag, passed as `prefix`, that tells deployments on one cluster apart."""
    help_text = "Of the deployment that is meant, where a cluster has several."
    return click.option("--transactional-id-prefix", "prefix", help=help_text)(command)


def _shown(default: Any) -> str:
    if isinstance(default, tuple):
        return ",".join(default)
    return format_duration(default) if hasattr(default, "total_seconds") else str(default).lower()


def load(flags: dict[str, Any]) -> Settings:
    """The settings from flags, environment and file; where none names them, the addresses of the running stack.

    Raises UserError for a wrong setting.
    """
    from deploy import stack

    try:
        settings = Settings.load(flags)
        running = stack.running()
        if running is not None:
            found = {
                "brokers": running.bootstrap_servers,
                "registry": running.registry_url,
                "lake": running.lake,
                "lake_catalog": running.postgres_url,
            }
            named = settings.model_fields_set
            settings = Settings.load({**flags, **{k: v for k, v in found.items() if k not in named}})
    except SettingsError as error:
        raise UserError(str(error)) from error
    return settings


@contextmanager
def ctrl_c_stops(end: Callable[[], None]) -> Iterator[None]:
    """The first Ctrl-C ends what runs in order, the second at once."""

    def stop(*_: object) -> None:
        end()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
