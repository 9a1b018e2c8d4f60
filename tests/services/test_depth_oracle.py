"""What the depth of a book must say, by hand."""

from decimal import Decimal

from services.depth_oracle import Told, expected_depths
from services.feeds.venue import book
from services.records import BookRecord

TOLD = Told(interval_ns=10, levels=2, within_bp=100)


def update(
    ts_event: int, bids: list[tuple[str, str]], asks: list[tuple[str, str]], last: int, *, snapshot: bool = False
) -> BookRecord:
    return book(
        "V", "A", ts_event, ts_event, bids, asks, is_snapshot=snapshot, first_sequence=last, sequence=last, depth=None
    )


def test_the_figures_of_a_book() -> None:
    """Bids 99.5 and 98, asks 100.5 and 102: the middle is 100, and a hundredth from it only the best are."""
    bids, asks = [("99.5", "3"), ("98", "2"), ("97", "1")], [("100.5", "1"), ("102", "4")]
    (found,) = expected_depths([update(3, bids, asks, 7, snapshot=True)], TOLD)
    assert (found["window_end"], found["sequence"], found["update_count"]) == (10, 7, 1)
    assert (found["spread"], found["mid"], found["microprice"]) == (Decimal(1), Decimal(100), Decimal("100.25"))
    assert found["imbalance"] == 0, "(3 + 2) of the bids told, (1 + 4) of the asks"
    assert (found["bid_liquidity"], found["ask_liquidity"]) == (Decimal(3), Decimal(1))
    assert [each["price"] for each in found["levels"]] == [Decimal(each) for each in ("99.5", "98", "100.5", "102")]


def test_intervals_without_a_change_tell_nothing_and_a_gap_waits_for_a_snapshot() -> None:
    whole = [("9", "1")], [("11", "1")]
    updates = [
        update(1, *whole, 1, snapshot=True),
        update(12, [("9", "2")], [], 2),
        update(55, [("9", "3")], [], 4),
        update(56, [("9", "3")], [], 5),
        update(71, *whole, 9, snapshot=True),
    ]
    assert [(each["window_end"], each["sequence"]) for each in expected_depths(updates, TOLD)] == [
        (10, 1),
        (20, 2),
        (80, 9),
    ]
