"""What a projection needs of a store: never to give up a candle for an earlier one, whatever the order of writing."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol, Self

from services.oracle import CandleKey
from services.records import CandleRecord


class StoreError(Exception):
    """A store cannot be reached or refuses: one line that names it and the reason."""


class UnstorableError(ValueError):
    """A candle that no store is asked to hold."""


class Held(Protocol):
    """A database of candles that somebody keeps. Every method raises StoreError when it fails."""

    @property
    def name(self) -> str:
        """As users call it: `postgres`."""

    def read(self) -> Iterator[dict[str, Any]]:
        """Every candle, with the fields candle_json.KEPT, as the Avro record has them."""

    def expected(self, committed: Mapping[CandleKey, CandleRecord]) -> Mapping[CandleKey, CandleRecord]:
        """Which of these it holds, when of every window the highest revision is among them."""
        return committed

    def may_lack(self, candle: CandleRecord) -> bool:
        """Whether it may have dropped such a candle by itself, or not have it yet."""
        return False

    def close(self) -> None:
        """Give the connection back."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Store(Held, Protocol):
    """One that a projection keeps."""

    def prepare(self) -> None:
        """Create or migrate what the candles are kept in."""

    def write(self, candles: Iterable[CandleRecord]) -> None:
        """Keep of these candles what belongs into it. What is there already, or a higher revision, stays.

        After an error the same may be written again.
        """

    def retain(self, since: datetime) -> list[str]:
        """Drop candles that are older, as far as that is cheap; returns the names of what was dropped."""

    def clear(self) -> None:
        """Forget every candle, so that all can be written again."""


def require_storable(candle: CandleRecord) -> None:
    """Raises UnstorableError for what not every store can hold. PostgreSQL keeps no NUL; no job lets one through."""
    if "\0" in candle["symbol"]:
        raise UnstorableError("symbol: has a NUL, which no database takes")


def highest(candles: Iterable[CandleRecord]) -> list[CandleRecord]:
    """Of every window the highest revision, in the order of the windows."""
    found = dict[CandleKey, CandleRecord]()
    for candle in candles:
        key = CandleKey.of(candle)
        if key not in found or found[key]["revision"] < candle["revision"]:
            found[key] = candle
    return [found[key] for key in sorted(found)]


def latest(candles: Iterable[CandleRecord]) -> list[CandleRecord]:
    """Of every symbol and resolution the last window, of that the highest revision."""
    found = dict[tuple[str, str], CandleRecord]()
    for candle in candles:
        of = candle["symbol"], candle["resolution"]
        if is_later(candle, found.get(of)):
            found[of] = candle
    return list(found.values())


def is_later(candle: CandleRecord, than: CandleRecord | None) -> bool:
    """Whether it is of a later window than another of the same symbol and resolution, or a higher revision."""
    return than is None or (candle["window_start"], candle["revision"]) > (than["window_start"], than["revision"])
