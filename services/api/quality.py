"""How good the latest minute of every symbol is, as the quality job says."""

from collections.abc import Mapping
from typing import Any

from schemas.topics import QUALITY
from services.api.answers import QualityAnswer
from services.api.board import Board
from services.api.tail import Tail
from services.candle_json import instant_text

NAMES = ("symbol", "trades", "late", "rejected", "score", "finding")


def board(tail: Tail) -> Board:
    """The latest judged minute of every symbol."""
    return Board(tail, QUALITY, lambda record: (record["window_start"], record["revision"]))


def answers(found: Board) -> list[QualityAnswer]:
    """A symbol each, by name."""
    return [_answer(record) for record in found.all()]


def _answer(record: Mapping[str, Any]) -> QualityAnswer:
    values = {name: record[name] for name in NAMES}
    return QualityAnswer.model_validate({**values, "window_start": instant_text(record["window_start"])})
