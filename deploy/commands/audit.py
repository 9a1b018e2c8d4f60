"""`tickloom audit`: are the committed candles right, and is every message accounted for?"""

import json
import sys
import time
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from deploy import audit_metrics, projections
from deploy.audit import Finding, Report, Scope
from deploy.audit import audit as run_audit
from deploy.audit import repair as run_repair
from deploy.options import Instant, load
from schemas.exact import floor_instant
from services.oracle import CandleKey

ALL = Scope()
SHOWN = 10


@click.command()
@click.option("--from", "start", type=Instant(), default=ALL.start, help="First window; all when not given.")
@click.option("--to", "end", type=Instant(), default=ALL.end, help="No window that ends later.")
@click.option("--symbol", "symbols", multiple=True, help="Only this symbol; repeat it.  [default: all]")
@click.option("--repair", is_flag=True, help="Hand what is wrong to the reconcile job, which publishes revisions.")
@click.option("--sinks", is_flag=True, help="Also whether every database and the lake hold what was committed.")
@click.option(
    "--textfile",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also as metrics, for Prometheus' node exporter.",
)
@click.option("--json", "as_json", is_flag=True, help="The whole report, for programs.")
@click.option("--trades-topic", help="Topic of the trades.  [default: the setting]")
@click.option("--resolutions", help="Lengths of candles to audit.  [default: the setting]")
@click.option("--brokers", help="Kafka bootstrap servers.  [default: the setting, or the running stack's]")
@click.option("--registry", help="URL of the schema registry.  [default: likewise]")
def audit(
    start: int,
    end: int,
    symbols: tuple[str, ...],
    repair: bool,
    sinks: bool,
    textfile: Path | None,
    as_json: bool,
    **flags: str | None,
) -> None:
    """Recompute every candle from the raw trades and compare it with the highest committed revision.

    Every message of the trades topic must be in a candle, a copy of one that is, a cancel or correction, or in the
    rejected topic at its own offset. Windows still open in the candle job are missing: end the period before them.

    \b
      tickloom audit
      tickloom audit --from 2026-01-05T14:30:00Z --to 2026-01-05T21:00:00Z
      tickloom audit --repair

    The exit code is 0 only when nothing was found.
    """
    settings = load(flags)
    began = time.monotonic()
    console = Console(stderr=as_json)
    with console.status("") as status:
        say = status.update if console.is_terminal else lambda phase: click.echo(f"  {phase}", err=as_json)
        with projections.audited(settings) if sinks else nullcontext(()) as stores:
            report = run_audit(settings, Scope(start, end, frozenset(symbols)), say, stores)
    click.echo(json.dumps(_as_json(report), default=str, indent=2) if as_json else _as_text(report))
    if textfile:
        audit_metrics.write(textfile, report)
    click.echo(f"audit: {time.monotonic() - began:.1f} s", err=True)
    if repair and report.seconds:
        click.echo(
            f"{run_repair(report, settings)} seconds handed to the reconcile job; audit again when it has run", err=True
        )
    if not report.holds:
        sys.exit(1)


def _as_text(report: Report) -> str:
    counts = [
        ("messages", report.messages),
        ("in candles", report.accepted),
        ("further copies", report.duplicates),
        ("cancels, corrections", report.changes),
        ("rejected", report.rejected),
        ("candles equal", report.equal),
    ]
    lines = [f"  {name:21}{count:>12,}" for name, count in counts]
    if report.messages != report.accounted:
        lines.append(f"  NOT ACCOUNTED FOR: {report.messages - report.accounted:,} messages")
    for name, places in (("missing", report.rejected_missing), ("twice", report.rejected_twice)):
        lines += [f"  rejected record {name}: partition {place[0]}, offset {place[1]}" for place in places[:SHOWN]]
    lines += [line for finding in report.findings[:SHOWN] for line in _told(finding)]
    if len(report.findings) > SHOWN:
        lines.append(f"  … and {len(report.findings) - SHOWN:,} more: --json lists all")
    for store, differences in report.stores.items():
        lines.append(f"  {store + ' equal' if not differences else store + ' DIFFERS':21}")
        lines += [_shown(each.kind, each.key, each.fields) for each in differences[:SHOWN]]
    if report.unknown_originals:
        lines.append(f"  {report.unknown_originals:,} cancels or corrections name a trade that is not in the topic")
    return "\n".join([*lines, "all equal, every message accounted for" if report.holds else "NOT EQUAL"])


def _told(finding: Finding) -> list[str]:
    trades = [
        f"    partition {each['partition']}, offset {each['offset']}: {each['action']} {each['trade_id'] or ''} "
        f"{each['size']} @ {each['price']}"
        for each in finding.trades
    ]
    return [_shown(finding.kind, finding.key, finding.fields), *trades]


def _shown(kind: str, key: CandleKey, fields: Mapping[str, tuple[Any, Any]]) -> str:
    start = floor_instant(key.window_start)
    differing = [f"{name} must be {must}, is {found}" for name, (must, found) in fields.items()]
    return f"  {kind}: {key.symbol} {key.resolution} {start:%Y-%m-%dT%H:%M:%SZ}  {'; '.join(differing)}"


def _as_json(report: Report) -> dict[str, Any]:
    counts = {name: getattr(report, name) for name in COUNTS}
    findings = [
        {**each.key._asdict(), "kind": each.kind, "fields": each.fields, "trades": each.trades}
        for each in report.findings
    ]
    stores = {
        name: [{**each.key._asdict(), "kind": each.kind, "fields": each.fields} for each in differences]
        for name, differences in report.stores.items()
    }
    return {**counts, "holds": report.holds, "findings": findings, "stores": stores}


COUNTS = (
    "messages",
    "accounted",
    "accepted",
    "duplicates",
    "changes",
    "rejected",
    "unknown_originals",
    "equal",
    "rejected_missing",
    "rejected_twice",
)
