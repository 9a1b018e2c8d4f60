"""What commands share: the settings of the jobs as flags, times, and where the settings come from."""

from collections.abc import Callable
from typing import Any

import click

from deploy.errors import UserError
from jobs.settings import Settings, SettingsError, format_duration
from schemas.exact import nanoseconds

SECRETS = {"kafka_password", "kafka_properties", "registry_password", "registry_token"}
NOT_A_FLAG = {*SECRETS, "jars", "stop_offsets"}


class Instant(click.ParamType[int]):
    """A time: ISO-8601 with a zone, or nanoseconds since the epoch."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Nanoseconds since the epoch, UTC."""
        try:
            return nanoseconds(int(value) if str(value).lstrip("-").isdigit() else value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def settings_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add a flag for every setting; the command gets those that were given as keyword arguments."""
    for name, field in reversed(Settings.model_fields.items()):
        if name not in NOT_A_FLAG:
            flag = f"--{name.replace('_', '-')}"
            help_text = f"{field.description}  [default: {_shown(field.default)}]"
            command = click.option(flag, name, help=help_text)(command)
    return command


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
            found = {"brokers": running.bootstrap_servers, "registry": running.registry_url}
            named = settings.model_fields_set
            settings = Settings.load({**flags, **{k: v for k, v in found.items() if k not in named}})
    except SettingsError as error:
        raise UserError(str(error)) from error
    return settings
