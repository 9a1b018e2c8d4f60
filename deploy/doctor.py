"""Checks a machine for what Tickloom needs, and says how to mend what is wrong."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psutil

from deploy import core, jars, paths
from deploy.stack import Stack, health, ports, running
from deploy.stack.state import PARTS, left_over

PYTHONS = ((3, 11), (3, 12))
MEMORY_NEEDED_BYTES = 4 * 2**30
DISK_NEEDED_BYTES = 5 * 2**30
JAVA_TIMEOUT_S = 20


class Verdict(StrEnum):
    """How a check ended; only a problem makes the whole fail."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, what was seen, and how to mend it unless it is fine."""

    subject: str
    verdict: Verdict
    seen: str
    remedy: str = ""


def examine() -> Iterator[Finding]:
    """All checks, one after the other, so that each can be shown as it ends."""
    stack = running()
    for check in (python, java, jar_files, jvm_core):
        yield check()
    yield memory(stack)
    yield disk()
    yield from (port(name, number, stack) for name, number in ports.DEFAULTS.items())
    yield from stack_parts(stack)


def python() -> Finding:
    """Whether this Python is one that PyFlink runs on."""
    version = sys.version_info
    seen = f"{version.major}.{version.minor}.{version.micro} ({sys.executable})"
    if version[:2] in PYTHONS:
        return Finding("python", Verdict.OK, seen)
    return Finding("python", Verdict.PROBLEM, seen, "make PYTHON=/path/to/python3.12 clean setup")


def java() -> Finding:
    """Whether the Java runtime of the environment starts."""
    command = [str(core.java()), "--version"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=JAVA_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("java", Verdict.PROBLEM, f"{core.java()}: {error}", "rm -r .venv && make setup")
    return Finding("java", Verdict.OK, f"{result.stdout.splitlines()[0]} ({core.java()})")


def jar_files() -> Finding:
    """Whether every pinned jar is here with the content that was pinned; those ON_DEMAND may be missing."""
    pinned = [jar for jar in jars.read_lock() if jar.path.exists() or jar.group not in jars.ON_DEMAND]
    missing = [jar.coordinate for jar in pinned if not jar.path.exists()]
    changed = [jar.path for jar in pinned if jar.path.exists() and _sha256(jar.path) != jar.sha256]
    if changed:
        remedy = "tickloom jars sync, which removes it and says so; then once more to download it"
        return Finding("jars", Verdict.PROBLEM, f"not what was pinned: {_some(changed)}", remedy)
    if missing:
        return Finding("jars", Verdict.PROBLEM, f"not downloaded: {_some(missing)}", "tickloom jars sync")
    return Finding("jars", Verdict.OK, f"{len(pinned)} files, each with its pinned sha256")


def jvm_core() -> Finding:
    """Whether the JVM core is compiled from the sources as they are."""
    if core.is_stale():
        return Finding("JVM core", Verdict.WARNING, "not compiled since it changed", "tickloom jars sync")
    return Finding("JVM core", Verdict.OK, "compiled")


def memory(stack: Stack | None) -> Finding:
    """Whether the stack fits into the memory that is free; a running one already has its share."""
    available = psutil.virtual_memory().available
    seen = f"{_gigabytes(available)} available"
    if stack or available >= MEMORY_NEEDED_BYTES:
        return Finding("memory", Verdict.OK, seen)
    remedy = f"the stack takes up to {_gigabytes(MEMORY_NEEDED_BYTES)}: close something"
    return Finding("memory", Verdict.WARNING, seen, remedy)


def disk() -> Finding:
    """Whether there is room for topics, checkpoints and logs."""
    stack = paths.STACK.resolve()
    folder = next(folder for folder in (stack, *stack.parents) if folder.exists())
    free = shutil.disk_usage(folder).free
    seen = f"{_gigabytes(free)} free under {folder}"
    if free >= DISK_NEEDED_BYTES:
        return Finding("disk", Verdict.OK, seen)
    remedy = f"make room, or set TICKLOOM_STACK_DIR to a folder with {_gigabytes(DISK_NEEDED_BYTES)}"
    return Finding("disk", Verdict.WARNING, seen, remedy)


def port(name: str, number: int, stack: Stack | None) -> Finding:
    """Whether a part gets the port that its users expect."""
    subject = f"port {number}"
    if stack and getattr(stack.ports, name) == number:
        return Finding(subject, Verdict.OK, f"used by this stack ({name})")
    if ports.is_free(number):
        return Finding(subject, Verdict.OK, f"free for {name}")
    remedy = f"{name} gets a free port instead; to have this one, stop that process"
    return Finding(subject, Verdict.WARNING, f"taken by {ports.holder(number)}", remedy)


def stack_parts(stack: Stack | None) -> Iterator[Finding]:
    """Whether the parts of a running stack answer; that there is none is no fault."""
    if stack:
        yield from (_part(stack, part) for part in PARTS)
        return
    orphans = ", ".join(str(process.pid) for process in left_over(paths.STACK))
    if orphans:
        seen = f"without a supervisor: processes {orphans}"
        yield Finding("stack", Verdict.PROBLEM, seen, "tickloom down")
    else:
        yield Finding("stack", Verdict.OK, "not running; `tickloom up` starts it")


def _part(stack: Stack, part: str) -> Finding:
    if health.healthy(stack, part):
        return Finding(part, Verdict.OK, f"answers (pid {stack.pids.get(part)})")
    state = "does not answer" if part in stack.pids else "is down"
    return Finding(part, Verdict.PROBLEM, state, f"read `tickloom logs {part}`, then tickloom down and up")


def _some(items: list[Path] | list[str]) -> str:
    more = f" and {len(items) - 3} more" if len(items) > 3 else ""
    return ", ".join(str(item) for item in items[:3]) + more


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _gigabytes(count: int) -> str:
    return f"{count / 2**30:.1f} GB"
