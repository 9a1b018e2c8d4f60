"""What the intake asks of a service's module: is a delivery authentic, what is it called, what does it say."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from schemas.models import Signal
from services.oracle import SECOND_NS
from services.signals.said import NotUnderstoodError, Said
from services.signals.sources import Source

TOLERANCE_S = 300
"""How far the clocks of a service and of this machine may be apart, and how long a signed delivery may be under way."""


class SignatureError(Exception):
    """A delivery that the source has not signed, or not lately: it is counted and not kept."""


@dataclass(frozen=True)
class Outcome:
    """What became of a delivery; `refusal` says why it is no signal."""

    signal_id: str
    refusal: str = ""


class Adapter(ABC):
    """Reads the deliveries of a source."""

    def __init__(self, name: str, source: Source) -> None:
        self.name, self.source = name, source
        self.symbols = {
            **{instrument.upper(): instrument for instrument in source.symbols.values()},
            **{alias.upper(): instrument for alias, instrument in source.symbols.items()},
        }

    @abstractmethod
    def check(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raises SignatureError unless the source has signed this. Names of headers are in lower case."""

    @abstractmethod
    def identity(self, headers: Mapping[str, str], content: Any) -> str | None:
        """The source's own id of a delivery, the same when it delivers again; None when it tells none."""

    @abstractmethod
    def said(self, content: Any) -> Said:
        """What a delivery says. Raises NotUnderstoodError."""

    @abstractmethod
    def answer(self, outcome: Outcome) -> tuple[int, dict[str, Any]]:
        """HTTP status and body for what became of a delivery."""

    def greeting(self, content: Any) -> dict[str, Any] | None:
        """The answer to what is only a question whether anybody is there."""
        return None

    def kept(self, body: bytes) -> bytes:
        """What may be kept of a delivery that is no signal."""
        return body

    def signal_id(self, identity: str) -> str:
        """The id of a signal: no other source has it."""
        return f"{self.source.kind}/{self.name}/{identity}"

    def signal(self, content: Any, signal_id: str, ts_recv: int) -> Signal:
        """What a delivery says, as a record; `ts_recv` in nanoseconds. Raises NotUnderstoodError."""
        said = self.said(content)
        if not 0 < said.ts_event <= ts_recv + TOLERANCE_S * SECOND_NS:
            raise NotUnderstoodError("time", f"said at {said.ts_event} ns, received at {ts_recv} ns")
        try:
            return Signal(
                signal_id=signal_id,
                source="/".join([self.source.kind, self.name, *([said.channel] if said.channel else [])]),
                author=said.author,
                symbol=self._instrument(said.symbol),
                direction=said.direction,  # type: ignore[arg-type]
                confidence=said.confidence,
                ts_event=said.ts_event,
                ts_recv=ts_recv,
                text=said.text,
            )
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            raise NotUnderstoodError(str(first["loc"][0]), f"{first['loc'][0]}: {first['msg']}") from None

    def _instrument(self, symbol: str) -> str:
        found = self.symbols.get(symbol.upper())
        if found is None:
            raise NotUnderstoodError("symbol", f"{symbol} is none of {', '.join(sorted(self.symbols))}")
        return found
