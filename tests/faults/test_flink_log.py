"""Transactions that Flink says are discarded, in its words."""

from pathlib import Path

from tests.faults.flink_log import Discards
from tests.faults.wire import EndTxn

FENCED = (
    "2026-01-05 14:30:00,000 WARN  KafkaCommitter - Unable to commit transaction (CommitRequestImpl{state=RECEIVED, "
    "committable=KafkaCommittable{producerId=7, epoch=3, transactionalId=p/candles/t/-0-1, producer=null}}"
    ") because its producer is already fenced.\n"
)
COMMIT = EndTxn("p/candles/t/-0-1", 7, 3, True)


def test_only_what_comes_after_the_start_is_new_and_only_once(tmp_path: Path) -> None:
    log = tmp_path / "taskmanager.log"
    log.write_text(FENCED)
    discards = Discards(log)
    assert discards.new() == []
    with log.open("a") as file:
        file.write("2026-01-05 14:30:01,000 INFO  Task - all is well\n" + FENCED)
    assert discards.new() == [FENCED.strip()]
    assert discards.new() == []


def test_a_rotated_log_is_read_from_its_beginning(tmp_path: Path) -> None:
    log = tmp_path / "taskmanager.log"
    log.write_text("long ago\n" * 100)
    discards = Discards(log)
    log.write_text(FENCED)
    assert len(discards.new()) == 1


def test_what_was_committed_before_explains_it_and_nothing_else_does(tmp_path: Path) -> None:
    log = tmp_path / "taskmanager.log"
    log.touch()
    discards = Discards(log)
    assert discards.is_explained(FENCED, [COMMIT])
    assert not discards.is_explained(FENCED, [COMMIT._replace(epoch=2), COMMIT._replace(transactional_id="p/j/t/-0-1")])
    assert not discards.is_explained("data has been potentially lost", [COMMIT])
