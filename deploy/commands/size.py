"""`tickloom size`: how large a cluster must be."""

import click

from deploy import sizing
from deploy.sizing import BUSY, REPLICATION


@click.command()
@click.option("--events-per-second", required=True, type=click.IntRange(1), help="Trades a second, at the peak.")
@click.option("--symbols", required=True, type=click.IntRange(1), help="How many trade in the same second.")
def size(events_per_second: int, symbols: int) -> None:
    """How large a cluster takes so many trades a second, with every check and six resolutions.

    It is what `make bench-full` has measured, multiplied: half of each CPU stays free to catch up. A core is as fast as
    a vCPU of an Intel Xeon; `make bench` measures yours.

    \b
      tickloom size --events-per-second 1000000 --symbols 10000
    """
    measured = sizing.figures()
    found = sizing.size(events_per_second, symbols, measured)
    rate = measured.trades_per_cpu(symbols)
    rows = {
        "Flink": f"{found.cores:,} cores, as many slots: {rate:,} trades a CPU second, {BUSY:.0%} of it at the peak",
        "TaskManagers": f"{found.taskmanagers:,} of {found.taskmanager_mib:,} MiB",
        "parallelism": f"{found.slots:,}",
        "partitions": f"{found.partitions:,}, so that the parallelism can double",
        "brokers": f"{found.broker_cores:,} cores in all, each record on {REPLICATION}",
        "network": f"{found.network_mib_s:,.0f} MiB/s into the topic, as much to the job",
        "disk": f"{found.disk_tib_a_day:,.2f} TiB for each day of trades that is kept",
    }
    for name, text in rows.items():
        click.echo(f"{name:13} {text}")
