"""Whether a job may go on with the lake from a savepoint: only one that knows of everything that is committed there.

From an older one it would write rows a second time, or Iceberg would take its files for committed and leave them out.
"""

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from schemas.lake import TABLES, LakeError, one_line

if TYPE_CHECKING:
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.table import Table

CHECKPOINT = "flink.max-committed-checkpoint-id"
JOB = "flink.job-id"
METADATA = "_metadata"
HEADER = struct.Struct(">iiq")
"""Of a savepoint's metadata: Flink's magic number, the version of the format, the number of the checkpoint."""
MAGIC = 0x4960672D


class Commit(NamedTuple):
    """A checkpoint that a job has committed to a table; those of a job and of who goes on from it count upwards."""

    table: str
    job: str
    checkpoint: int


@dataclass(frozen=True)
class Continuity:
    """What the tables of a lake say of the job before."""

    catalog: "SqlCatalog"

    def check(self, savepoint: str) -> None:
        """Raises LakeError when a job that begins from a savepoint, or from nothing (""), would leave out or repeat."""
        commits = self.commits()
        if savepoint and not commits:
            raise LakeError(
                f"the lake is empty, what {savepoint} has read would be missing: submit without a savepoint"
            )
        if commits and not savepoint:
            job = f"job {commits[-1].job} up to checkpoint {commits[-1].checkpoint}"
            raise LakeError(
                f"the lake holds what {job} has committed, and would hold it twice: go on from where that stopped "
                "(--from PATH), or begin another lake, in another database"
            )
        number = checkpoint_number(savepoint) if savepoint else 0
        for each in commits:
            if each.checkpoint > number:
                raise LakeError(
                    f"{savepoint} is of checkpoint {number}, but {each.table} holds what job {each.job} has committed "
                    f"up to {each.checkpoint}: it would be there twice, or be lost; name a later savepoint"
                )

    def commits(self) -> list[Commit]:
        """The latest commit of a job to each table that has one, the latest of all at the end."""
        with one_line():
            found = [_latest(self.catalog.load_table(each.identifier)) for each in TABLES]
        return sorted((each for each in found if each), key=lambda commit: commit.checkpoint)


def checkpoint_number(savepoint: str) -> int:
    """The number of the checkpoint that a savepoint is, from its metadata. Raises LakeError when it is none."""
    from pyiceberg.io import load_file_io

    place = savepoint if savepoint.endswith(METADATA) else f"{savepoint.rstrip('/')}/{METADATA}"
    try:
        with load_file_io(location=place).new_input(place).open() as file:
            magic, _, number = HEADER.unpack(file.read(HEADER.size))
    except (OSError, ValueError, struct.error) as error:
        raise LakeError(f"{place} cannot be read: {error}") from error
    if magic != MAGIC:
        raise LakeError(f"{place} is no metadata of a savepoint")
    return int(number)


def _latest(table: "Table") -> Commit | None:
    """Compactions come between the commits of a job, and say nothing of it."""
    snapshot = table.current_snapshot()
    while snapshot is not None:
        said = snapshot.summary.additional_properties if snapshot.summary else {}
        if CHECKPOINT in said:
            return Commit(".".join(table.name()), said[JOB], int(said[CHECKPOINT]))
        snapshot = table.snapshot_by_id(snapshot.parent_snapshot_id) if snapshot.parent_snapshot_id else None
    return None
