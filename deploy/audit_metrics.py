"""The verdict of an audit as metrics: what runs it once a day cannot be scraped, so node exporter passes them on."""

from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from deploy.audit import Report
from deploy.errors import UserError


def write(file: Path, report: Report) -> None:
    """Replace the file, at once. Raises UserError when it cannot be written."""
    registry = CollectorRegistry()
    Gauge("tickloom_audit_ended_seconds", "When the last audit ended", registry=registry).set_to_current_time()
    found = Gauge(
        "tickloom_audit_candles_wrong", "Committed candles that are not what the trades come to", registry=registry
    )
    found.set(len(report.findings))
    unaccounted = Gauge(
        "tickloom_audit_messages_unaccounted", "Messages whose whereabouts are unknown", registry=registry
    )
    lost = abs(report.messages - report.accounted)
    unaccounted.set(lost + len(report.rejected_missing) + len(report.rejected_twice))
    stores = Gauge(
        "tickloom_audit_store_differences", "Candles that a store holds otherwise", ["projection"], registry=registry
    )
    for name, differences in report.stores.items():
        stores.labels(name).set(len(differences))
    try:
        write_to_textfile(str(file), registry)
    except OSError as error:
        raise UserError(f"--textfile {file}: {error.strerror}") from error
