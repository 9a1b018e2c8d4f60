"""`tickloom monitoring`: what Prometheus, Alertmanager and Grafana read."""

from pathlib import Path

import click

from deploy.errors import UserError
from deploy.monitoring import files
from deploy.options import Pair
from deploy.stack import running


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--target", "targets", type=Pair(), multiple=True, help="Also scrape projection=127.0.0.1:9100; repeat it."
)
def monitoring(folder: Path, targets: tuple[tuple[str, str], ...]) -> None:
    """Write into FOLDER what Prometheus, Alertmanager and Grafana read: targets, alerts, routes, dashboards.

    Scraped are Flink's processes of the running stack, and whatever serves Prometheus metrics at the --target named.

    \b
      tickloom project run postgres --metrics-port 9100
      tickloom monitoring monitoring --target projection=127.0.0.1:9100
      prometheus --config.file monitoring/prometheus.yml
      cd monitoring && alertmanager --config.file alertmanager.yml

    Run it again after `tickloom up`: Prometheus takes up the new targets by itself. An alertmanager.yml that is there
    is kept, for it holds your addresses.
    """
    stack = running()
    of_stack = files.targets(stack) if stack else []
    if not of_stack and not targets:
        raise UserError("no stack runs and no --target is named: `tickloom up`, or name what is to be scraped")
    found = [*of_stack, *targets]
    files.write(folder, found)
    click.echo(f"{folder}: {', '.join(f'{service} at {address}' for service, address in found)}")
