"""`tickloom rollback`: a job goes on as it was before its last upgrade."""

import os
import subprocess

import click

from deploy import jobs, releases
from deploy.errors import UserError
from deploy.options import deployment_option
from jobs.release import Release


@click.command()
@click.argument("job", type=click.Choice(jobs.NAMES))
@click.option("--cluster", help="Flink's REST address, host:port.  [default: the running stack]")
@deployment_option
def rollback(job: str, cluster: str | None, prefix: str | None) -> None:
    """Let JOB go on as it was before its last upgrade: with that code, those settings and the state of now."""
    address = cluster or jobs.cluster_address()
    word = releases.running(job, address, prefix).before
    if not word:
        raise UserError(f"{job} has not been upgraded: there is no version before it")
    before = Release.decoded(word)
    if not before.command.exists():
        raise UserError(f"{before.command} is no more: it started the version before")
    click.echo(f"back to {before.home}")
    command = [str(before.command), "upgrade", job, "--cluster", address]
    code = subprocess.run(command, cwd=before.home, env={**os.environ, **before.settings}, check=False).returncode
    raise SystemExit(code)
