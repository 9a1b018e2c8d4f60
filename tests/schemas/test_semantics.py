"""The page on semantics names, for every answer, a test that holds it."""

import re
from pathlib import Path

from schemas import avro

TESTS = Path(__file__).parents[1]
PAGE = (avro.FOLDER / "semantics.md").read_text(encoding="utf-8")


def test_every_answer_names_a_test_that_exists() -> None:
    table = PAGE.split("| question | answer | setting | test |")[1].strip().splitlines()[1:]
    named = [re.findall(r"`(test_\w+)`", row.rsplit("|", 2)[1]) for row in table]
    written = "".join(file.read_text(encoding="utf-8") for file in TESTS.rglob("test_*.py"))
    assert len(named) > 10
    assert [names for names in named if len(names) != 1 or f"def {names[0]}(" not in written] == []
