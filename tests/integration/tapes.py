"""Tapes drawn at random: any order of trades, any split over partitions and time, values up to their limits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from zlib import crc32

from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from services.oracle import SECOND_NS
from tests.integration.candle_job import START_NS
from tests.services.tape import trade
from udfs import conditions

WAVES = 3
SECONDS = [0, 1, 59, 60, 899, 3_600, 90_000]
"""Trades meet in few seconds, on both sides of every resolution's edge."""
NANOS = st.sampled_from([0, 1, 999_999_999]) | st.integers(0, SECOND_NS - 1)
PRICES = st.integers(1, 10**38 - 1) | st.integers(1, 10**6) | st.integers(2**63 - 2, 2**63 + 2)
SIZES = st.integers(1, 10**30 - 1) | st.integers(1, 10**6) | st.integers(2**63 - 2, 2**63 + 2)
IDS = st.sampled_from(["1", "2", "3", "02", "fifteen-bytes-1", "sixteen-bytes-id", "sixteen-bytes-iD", "é" * 20])
CONDITIONS = Path(__file__).parents[1] / "udfs" / "conditions.toml"
"""The sale conditions that a job on these tapes is to know."""
TOLD = [condition for rules in conditions.load(CONDITIONS).sets for condition in rules.known]
SEQUENCES = st.none() | st.sampled_from([0, 1, 2, -(2**63), 2**63 - 1])


@dataclass(frozen=True)
class Print:
    """A trade of a drawn tape; it is sent to a partition, in one of the waves with pauses between them."""

    fields: tuple[tuple[str, Any], ...]
    ts_event: int
    partition: int
    wave: int

    @property
    def identity(self) -> str | None:
        """What makes two prints the same trade, None for one without an id."""
        fields = dict(self.fields)
        return f"{fields['venue']}/{fields['trade_id']}" if fields["trade_id"] else None

    def __repr__(self) -> str:
        told = " ".join(f"{name}={value}" for name, value in self.fields if value)
        return f"{self.ts_event} {told} partition={self.partition} wave={self.wave}"

    def trade(self, symbol: str) -> Any:
        """As a record of a symbol."""
        return trade(self.ts_event, symbol=symbol, **dict(self.fields))


def amount(units: int) -> Decimal:
    """The decimal(38, 12) of so many units; arithmetic in the default context would round it to 28 digits."""
    return Decimal((0, tuple(map(int, str(units))), -12))


@st.composite
def prints(draw: st.DrawFn) -> Print:
    """One print; copies of a trade go to one partition, as a producer that keys by symbol sends them."""
    fields = {
        "venue": draw(st.none() | st.sampled_from(["X", "Y"])),
        "trade_id": draw(st.none() | IDS),
        "sequence": draw(SEQUENCES),
        "price": amount(draw(PRICES)),
        "size": amount(draw(SIZES)),
        "conditions": draw(st.lists(st.sampled_from(TOLD), max_size=2)),
    }
    ts_event = START_NS + draw(st.sampled_from(SECONDS)) * SECOND_NS + draw(NANOS)
    made = Print(tuple(fields.items()), ts_event, draw(st.integers(0, 1)), draw(st.integers(0, WAVES - 1)))
    if made.identity is None:
        return made
    return replace(made, partition=crc32(made.identity.encode()) % 2)


def drawn(count: int) -> list[Sequence[Print]]:
    """As many tapes, always the same ones: they share a job, so that no search for a smaller one is possible."""
    tapes: list[Sequence[Print]] = []

    @seed(20131125)
    @given(st.lists(prints(), min_size=1, max_size=12))
    @hypothesis_settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    def collect(tape: list[Print]) -> None:
        tapes.append(tape)

    collect()
    return tapes
