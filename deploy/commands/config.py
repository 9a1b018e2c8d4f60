"""`tickloom config`: what the settings are, and from where they can be changed."""

import click
from rich.console import Console
from rich.table import Table

from deploy.options import load, settings_options
from jobs.settings import Settings


@click.command()
@settings_options
def config(**flags: str | None) -> None:
    """Print the settings of the jobs as they would be used, secrets masked.

    A setting comes from a flag, from the environment (TICKLOOM_BROKERS) or from tickloom.toml (brokers = "…"), in
    that order, or from the folder that TICKLOOM_SECRETS_DIR names, which has a file a setting
    (tickloom_kafka_password); brokers and registry otherwise from the running stack. Passwords and tokens are no flags.
    """
    settings = load(flags)
    table = Table("setting", "value", "what it is", box=None, pad_edge=False)
    for name, value in settings.printable().items():
        table.add_row(name, value, Settings.model_fields[name].description)
    Console().print(table)
