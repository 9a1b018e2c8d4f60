"""How often the parts of a stack have ended by themselves, and what they said last: from the logs."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from deploy.flink import root_cause
from deploy.stack.state import Stack

START = "=== started"
"""The line in a part's log that begins each of its lives."""
TAIL_BYTES = 2**20
LOOP_ENDS = 3
LOOP_PERIOD = timedelta(minutes=2)
WORDS_MAX = 200
EXITED = re.compile(r"^(\S+ \S+) \S+ exited: (\w+) \((.+); (?:not )?expected\)$", re.MULTILINE)
FATAL = re.compile(r"^.*Fatal error.*\n(?:(?!\d{4}-).*\n)+", re.MULTILINE)
"""What Flink says when it ends itself, up to the next line that has a time; what follows are the consequences."""
GAVE_UP = re.compile(r"^(\S+ \S+) \S+ gave up: (\w+) entered FATAL state", re.MULTILINE)


@dataclass(frozen=True)
class Ends:
    """The ends of one part since its stack was started; a crash loop when there were several lately."""

    count: int
    at: datetime
    """When it last ended."""
    how: str
    """`terminated by SIGKILL`, or its exit status and the cause that its log gives."""
    loops: bool
    gave_up: bool
    """Whether the supervisor does not start it again."""

    def __str__(self) -> str:
        times = "once" if self.count == 1 else f"{self.count} times"
        return f"ended {times} by itself, last at {self.at:%H:%M:%S} UTC: {self.how}"


def ends(stack: Stack, part: str) -> Ends | None:
    """How a part has ended since the stack was started, or None when it has not."""
    log = _text(stack.log("supervisord"))
    since = datetime.fromtimestamp(stack.supervisor_started, UTC)
    found = [(_time(at), how) for at, name, how in EXITED.findall(log) if name == part and _time(at) >= since]
    if not found:
        return None
    at, how = found[-1]
    recent = [each for each, _ in found if datetime.now(UTC) - each < LOOP_PERIOD]
    gave_up = any(name == part and _time(when) >= at for when, name in GAVE_UP.findall(log))
    if not how.startswith("terminated by"):
        how = f"{how}, {_last_words(stack, part)}"
    return Ends(len(found), at, how, len(recent) >= LOOP_ENDS, gave_up)


def _last_words(stack: Stack, part: str) -> str:
    """The root cause in what the part said in the last life that is over."""
    lives = _text(stack.log(part)).split(f"{START}\n")
    over = lives[:-1] if part in stack.pids else lives
    said = over[-1] if over else ""
    fatal = FATAL.search(said)
    return root_cause(fatal[0] if fatal else said)[:WORDS_MAX]


def _time(written: str) -> datetime:
    """A time of the supervisor's log, which is local."""
    return datetime.strptime(written, "%Y-%m-%d %H:%M:%S,%f").astimezone(UTC)


def _text(log: Path) -> str:
    """The end of a log."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL_BYTES))
        return file.read().decode(errors="replace")
