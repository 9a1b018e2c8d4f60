"""`tickloom api`: candles over HTTP, and the dashboard."""

import ipaddress
from dataclasses import replace
from functools import partial
from pathlib import Path

import click
from limits import parse

from deploy import jobs, rest
from deploy.errors import UserError
from deploy.options import load
from deploy.projections import postgres_url, redis_url
from jobs.settings import Settings
from services import logs
from services.api.access import KeysError, load_keys
from services.api.app import Sources, create
from services.api.server import server
from services.traces import traced


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", default=8090, show_default=True, type=click.IntRange(1, 65535))
@click.option("--keys", type=click.Path(path_type=Path), help='JSON: {"NAME": {"sha256": …, "role": "read|operate"}}.')
@click.option("--limit", default="100/second", show_default=True, help="Requests of one key or address.")
@click.option("--cluster", help="HOST:PORT of Flink's REST API.  [default: the stack's]")
@click.option("--alertmanager", help="URL of the Alertmanager whose alerts the dashboard shows.  [default: none]")
@click.option("--brokers", help="Kafka bootstrap servers.  [default: the setting, or the stack's]")
@click.option("--registry", help="URL of the schema registry.  [default: likewise]")
@click.option("--resolutions", help="Lengths of candles.  [default: the setting]")
@click.option("--updating", help="Candles published while open, such as 1m:5s.  [default: the setting]")
def api(
    host: str,
    port: int,
    keys: Path | None,
    limit: str,
    cluster: str | None,
    alertmanager: str | None,
    **flags: str | None,
) -> None:
    """Serve committed candles, their streams and the dashboard until Ctrl-C.

    Pages come from PostgreSQL, latest candles from Redis (`tickloom project run` fills them), streams straight from
    Kafka. Without --keys everyone on this machine may ask; a key is any text whose SHA-256 the file names. /docs
    describes every route.

    \b
      tickloom api
      curl 'http://127.0.0.1:8090/v1/candles?symbol=ACME&resolution=1m'
    """
    if keys is None and not _is_loopback(host):
        raise UserError(f"--host {host} can be reached from other machines: name who may ask with --keys")
    logs.start("api")
    sources = _sources(load(flags), keys, limit, cluster or jobs.cluster_address())
    with traced("api") as traces:
        app = create(replace(sources, alertmanager_url=alertmanager and alertmanager.rstrip("/"), traces=traces))
        click.echo(f"http://{host}:{port} (routes: http://{host}:{port}/docs); Ctrl-C stops")
        server(app, host, port).run()


def _sources(settings: Settings, keys: Path | None, limit: str, cluster: str) -> Sources:
    try:
        parse(limit)
        callers = load_keys(keys) if keys else {}
    except KeysError as error:
        raise UserError(str(error)) from error
    except ValueError:
        raise UserError(f"--limit {limit} is no limit, such as 100/second or 1000/minute") from None
    return Sources(
        kafka=settings.kafka_client(),
        registry=settings.registry_client(),
        resolutions=settings.resolutions,
        candle_names=tuple(settings.candle_names),
        postgres_url=postgres_url(),
        redis_url=redis_url(),
        flink=partial(rest.asynchronous, cluster, rest.conf_of(cluster)),
        limit=limit,
        keys=callers,
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
