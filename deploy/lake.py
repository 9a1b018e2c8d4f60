"""Upkeep of the lake's tables, beside a job that runs: by Iceberg in Java, which also does the job's commits."""

import json
import subprocess
from typing import Any, NamedTuple

from deploy import core, flink
from deploy.errors import UserError
from jobs.settings import Settings, SettingsError
from schemas.lake import CATALOG, LakeTable, java_catalog

MAIN_CLASS = "tickloom.lake.Upkeep"
JVM = ("-Xmx768m", "-XX:+UseSerialGC", "-Dlog4j2.level=OFF", "-Dlog4j2.statusLoggerLevel=OFF")
TIMEOUT_S = 6 * 3_600


class Compacted(NamedTuple):
    """How many files were replaced by how many."""

    replaced: int
    written: int


class Expired(NamedTuple):
    """How many snapshots were dropped, with the files that only they held, and how many are left."""

    expired: int
    left: int


def place(settings: Settings) -> tuple[str, str]:
    """URI of the lake and URL of its catalog. Raises UserError when one is not named."""
    try:
        return settings.lake_place()
    except SettingsError as error:
        raise UserError(str(error)) from error


def compact(settings: Settings, table: LakeTable, target_bytes: int) -> Compacted:
    """Write the small files of each partition anew, as files of about this size. Raises UserError."""
    return Compacted(**_ask(settings, table, {"target_bytes": target_bytes}))


def expire(settings: Settings, table: LakeTable, before_ms: int) -> Expired:
    """Drop the snapshots from before a time (Unix), but none that the job may still look at. Raises UserError."""
    return Expired(**_ask(settings, table, {"expire_before_ms": before_ms}))


def _ask(settings: Settings, table: LakeTable, what: dict[str, int]) -> Any:
    request = {"name": CATALOG, "catalog": java_catalog(*place(settings)), "table": table.identifier, **what}
    class_path = ":".join(map(str, [*core.class_path(), *core.lake_jars()]))
    result = subprocess.run(
        [str(core.java()), *JVM, *core.shared_classes("lake"), "-cp", class_path, MAIN_CLASS],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if result.returncode != 0:
        raise UserError(f"{table.identifier}: {flink.root_cause(result.stderr)}")
    return json.loads(result.stdout)
