"""Whether a store holds what it should of what the topics hold, of every window the highest committed revision."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.candle_json import KEPT
from services.oracle import CandleKey
from services.projections.store import Held
from services.records import CandleRecord


@dataclass(frozen=True)
class Difference:
    """A window that a store holds otherwise: `kind` is missing, unexpected or differing."""

    key: CandleKey
    kind: str
    fields: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    """(committed, held) of what differs."""


def differences(committed: Mapping[CandleKey, CandleRecord], store: Held) -> Iterable[Difference]:
    """What a store holds otherwise than it was committed. What it lacks comes last."""
    waiting = dict(store.expected(committed))
    for held in store.read():
        key = CandleKey.of(held)
        expected = waiting.pop(key, None)
        if expected is None:
            yield Difference(key, "unexpected")
            continue
        differing = {name: (expected[name], held[name]) for name in KEPT if expected[name] != held[name]}
        is_behind = expected["revision"] > held["revision"] and store.may_lack(expected)
        if differing and not is_behind:
            yield Difference(key, "differing", differing)
    for key in sorted(waiting):
        if not store.may_lack(waiting[key]):
            yield Difference(key, "missing")
