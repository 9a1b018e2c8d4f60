"""Whatever a feed does within the horizon, the highest revisions are the candles of the tape as it should have been."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.oracle import RESOLUTIONS_NS, CandleKey, ExpectedCandle, expected_candles
from services.sale_conditions import SaleConditions
from tests.udfs.candle_model import CandleModel
from tests.udfs.unruly import CONDITIONS, RULES, START, at, cancel, correct, tapes
from udfs.accumulator import Accumulator
from udfs.recompute import SECOND_NS, Message
from udfs.revisions import Pending, Revision, Revisor, Trigger, Version, WindowKey, row
from udfs.sources import Range, Sources

if TYPE_CHECKING:
    from services.records import TradeRecord

RESOLUTIONS = ("1s", "1m", "15m")
HORIZON_NS = 300 * SECOND_NS
CHECK = SaleConditions(CONDITIONS)


class Lab:
    """The model of the candle job with the revisor behind it, as two jobs that see each other's commits."""

    def __init__(self, partitions: int = 1, *, honest: bool = True) -> None:
        self.honest = honest
        self.model = CandleModel(RESOLUTIONS, 2 * SECOND_NS, partitions, RULES)
        self.revisor = Revisor(RESOLUTIONS, HORIZON_NS, RULES)
        self.pending = Pending()
        self.versions: dict[WindowKey, Version] = {}
        self.unknown: list[Message] = []
        self.expired: list[Trigger] = []
        self.reasons: dict[WindowKey, str] = {}
        self._offsets = [0] * partitions
        self._seen = 0

    def send(self, record: Mapping[str, Any], partition: int = 0) -> None:
        self.model.read(Message(partition, self._offsets[partition], record))
        self._offsets[partition] += 1

    def reconcile(self) -> None:
        for trigger in self.model.triggers[self._seen :]:
            if not self.revisor.accept(self.pending, trigger):
                self.expired.append(trigger)
        self._seen = len(self.model.triggers)
        settled = self.revisor.settle(self.pending, self.versions, self)
        self.unknown += settled.unknown
        for revision in settled.revisions:
            self.reasons[revision.key] = revision.reason
            self.model.revise(revision.key, revision.version)

    def finish(self) -> None:
        self.model.end()
        self.reconcile()

    def candle(self, resolution: str, second: int) -> dict[str, Any]:
        """The highest revision of the window that holds a second after START."""
        start = START + second * SECOND_NS
        key = WindowKey(resolution, start - start % RESOLUTIONS_NS[resolution])
        return row("A", Revision(key, self.model.candles[key], self.reasons.get(key, "")))

    def messages(self, second: int, sources: Sources) -> Iterable[Message]:
        return self.model.messages(second, sources)

    def candles(self, resolution: str, start: int, end: int) -> Mapping[int, Version]:
        return self.model.between(resolution, start, end)

    def on_time(self, key: WindowKey) -> Version | None:
        return self.model.on_time.get(key)

    def reached(self, resolution: str, end: int) -> bool:
        """A topic that also holds later candles, of another replay, says so too early."""
        watermark = self.model.watermark
        return not self.honest or self.model.ended or (watermark is not None and watermark >= end - 1_000_000)


def test_a_late_trade_revises_every_closed_window_and_the_open_ones_once_they_close() -> None:
    lab = Lab()
    for record in (at(0, price="10"), at(5, price="11"), at(1, price="20")):
        lab.send(record)
    lab.reconcile()
    assert (lab.candle("1s", 1)["high"], lab.candle("1s", 1)["revision"]) == (20, 1)
    assert WindowKey("1m", START) not in lab.model.candles  # still open
    lab.finish()
    minute = lab.candle("1m", 0)
    assert (minute["high"], minute["volume"], minute["trade_count"]) == (20, 3, 3)
    assert (minute["revision"], minute["revision_reason"]) == (1, "late")


def test_a_late_copy_changes_nothing() -> None:
    lab = Lab()
    for record in (at(0, trade_id="7"), at(5), at(0, trade_id="7")):
        lab.send(record)
    lab.finish()
    assert {revision for _, revision in lab.model.published} == {0}


def test_a_bust_takes_the_trade_out_also_when_it_was_the_only_one() -> None:
    lab = Lab()
    bad = at(0, price="99", trade_id="7")
    for record in (bad, at(1, price="10"), at(5), cancel(bad)):
        lab.send(record)
    lab.finish()
    empty, minute = lab.candle("1s", 0), lab.candle("1m", 0)
    assert (empty["trade_count"], empty["volume"], empty["open"], empty["revision"]) == (0, 0, None, 1)
    assert (minute["high"], minute["trade_count"], minute["revision_reason"]) == (10, 2, "cancel")


def test_a_bust_before_the_window_closes_is_a_revision_right_after_it() -> None:
    lab = Lab()
    bad = at(0, price="99", trade_id="7")
    for record in (bad, cancel(bad)):
        lab.send(record)
    lab.reconcile()
    assert lab.model.published == []
    lab.send(at(5))
    lab.reconcile()
    assert (lab.candle("1s", 0)["trade_count"], lab.candle("1s", 0)["revision"]) == (0, 1)


def test_a_correction_keeps_the_place_of_the_trade_and_may_be_corrected_again() -> None:
    lab = Lab()
    first = at(0.1, price="10", trade_id="7")
    second = at(0.2, price="11", trade_id="8")
    corrected = correct(first, price=Decimal(12), trade_id="7b")
    for record in (first, second, corrected, correct(corrected, price=Decimal(13)), at(5)):
        lab.send({**record, "original_ts_event": first["ts_event"]} if record["action"] != "new" else record)
    lab.finish()
    assert (lab.candle("1s", 0)["open"], lab.candle("1s", 0)["close"]) == (13, 11)


def test_an_unknown_original_is_reported_and_changes_nothing() -> None:
    lab = Lab()
    for record in (at(0, trade_id="7"), cancel(at(0, trade_id="8")), at(5)):
        lab.send(record)
    lab.finish()
    assert [message.trade["original_trade_id"] for message in lab.unknown] == ["8"]
    assert {revision for _, revision in lab.model.published} == {0}


def test_a_copy_on_another_partition_counts_once() -> None:
    lab = Lab(partitions=2)
    for partition in (0, 1):
        lab.send(at(0, trade_id="7"), partition)
        lab.send(at(5), partition)
    lab.finish()
    candle = lab.candle("1s", 0)
    assert (candle["trade_count"], candle["duplicate_count"]) == (1, 1)
    assert (candle["revision"], candle["revision_reason"]) == (1, "partitions")


def test_what_is_later_than_the_horizon_is_left_to_the_audit() -> None:
    lab = Lab()
    for record in (at(0), at(400), at(1)):
        lab.send(record)
    lab.finish()
    assert [trigger.second for trigger in lab.expired] == [START + SECOND_NS]
    assert {revision for _, revision in lab.model.published} == {0}


def test_a_revision_by_hand_knows_no_horizon() -> None:
    lab = Lab()
    for record in (at(0), at(400), at(1)):
        lab.send(record)
    lab.model.triggers.append(Trigger(START + SECOND_NS, "audit", Range(0, 2, 2), None))
    lab.finish()
    assert lab.candle("1m", 0)["trade_count"] == 2


def wrong(lab: Lab) -> list[CandleKey]:
    """The windows whose highest revision is not what the oracle makes of the whole tape.

    A copy that came late is a late row and changes no candle, so the number of copies is not compared.
    """
    tape = [message.trade for message in sorted(lab.model.tape, key=lambda message: message.place)]
    expected = expected_candles(cast("Iterable[TradeRecord]", tape), RESOLUTIONS, CHECK).candles
    found = {
        CandleKey("A", key.resolution, key.start): version.accumulator
        for key, version in lab.model.candles.items()
        if version.accumulator.trade_count
    }
    return sorted(key for key in expected.keys() | found.keys() if not _agree(key, expected.get(key), found.get(key)))


def _agree(key: CandleKey, expected: ExpectedCandle | None, found: Accumulator | None) -> bool:
    if expected is None or found is None:
        return False
    candle = found.candle("A", key.resolution, (key.window_start, expected.window_end), 0, None)
    return all(candle[name] == value for name, value in expected._asdict().items() if name != "duplicate_count")


@given(tapes(), st.integers(1, 2), st.booleans())
@settings(max_examples=2000, deadline=None)
def test_after_the_horizon_the_highest_revisions_equal_the_oracle(
    tape: list[tuple[Any, int, bool]], partitions: int, honest: bool
) -> None:
    lab = Lab(partitions, honest=honest)
    for record, partition, then_reconcile in tape:
        lab.send(record, partition % partitions)
        if then_reconcile:
            lab.reconcile()
    lab.finish()
    assert wrong(lab) == []
    assert len(set(lab.model.published)) == len(lab.model.published)


ORIGINAL = at(0, price="9", trade_id="7")
SCENES = {
    "late": [(ORIGINAL, 0), (at(4), 1), (at(5), 0), (at(1), 0)],
    "cancel": [(ORIGINAL, 0), (at(0), 0), (at(4), 1), (at(5), 0), (cancel(ORIGINAL), 0)],
    "correct": [(ORIGINAL, 0), (at(4), 1), (at(5), 0), (correct(ORIGINAL, price=Decimal(4)), 0)],
    "partitions": [(ORIGINAL, 0), (ORIGINAL, 1), (at(4), 1), (at(5), 0)],
}


@pytest.mark.parametrize("triggers", ["kept", "lost"])
@pytest.mark.parametrize("reason", SCENES)
def test_without_its_triggers_a_candle_stays_wrong(reason: str, triggers: str) -> None:
    lab = Lab(partitions=2)
    for record, partition in SCENES[reason]:
        lab.send(record, partition)
    lab.model.end()
    assert {trigger.reason for trigger in lab.model.triggers} == {reason}
    if triggers == "lost":
        lab.model.triggers.clear()
    lab.reconcile()
    assert (wrong(lab) == []) == (triggers == "kept")
