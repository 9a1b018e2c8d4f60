"""An audit over the demo's tape, 100,000 real trades: it holds, and after faults it names exactly those."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from deploy import jars
from deploy.stack import Stack
from schemas.resolutions import DEFAULT, seconds
from services.demo_data import write_trades
from services.oracle import SECOND_NS, CandleKey
from services.trades_file import Row, TradesFile
from tests.integration.books import Books
from tests.integration.candle_job import CandleJob, Feed, settings
from tests.integration.candle_output import Output
from tests.services.tape import trade

pytestmark = [pytest.mark.integration, pytest.mark.thorough, pytest.mark.usefixtures("quick_flink")]

NAME = "BTC-USD"
NOON = 1_385_553_600 * SECOND_NS
"""27 November 2013, 12:00 UTC."""


@pytest.fixture(scope="module")
def books(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    tape = tmp_path_factory.mktemp("demo") / "trades.csv"
    write_trades(demo_jar(), tape)
    feed = Feed(stack)
    for row in TradesFile(tape).rows():
        if isinstance(row, Row):
            feed.send(0, {**row.trade, "symbol": feed.symbol(NAME)})
    feed.flush()
    chosen = settings(stack, feed, parallelism=1)
    with (
        CandleJob.submit(stack, chosen.model_copy(update={"stop_offsets": feed.stop_offsets})) as job,
        Output(stack, chosen, feed) as output,
    ):
        job.await_end()
        output.read_to_end()
        yield Books(feed, chosen, stack, output)


def demo_jar() -> Path:
    """The jar that holds the tape."""
    (jar,) = jars.group("demo")
    return jar


def key(books: Books, resolution: str, at: int) -> CandleKey:
    """The window of a resolution that holds an instant."""
    length = seconds(resolution) * SECOND_NS
    return CandleKey(books.feed.symbol(NAME), resolution, at - at % length)


def test_the_audit_of_an_untouched_week_holds_and_accounts_for_every_trade(books: Books) -> None:
    report = books.audit([NAME])
    assert report.holds
    assert (report.messages, report.accepted, report.rejected, report.equal) == (100_000, 99_982, 18, 70_819)


def test_it_names_exactly_the_faults_that_were_injected(books: Books) -> None:
    seconds_of = sorted(each["window_start"] for each in books.output.candles if each["resolution"] == "1s")
    wrong, twice, late_in = (
        next(at for at in seconds_of if at >= NOON + hours * 3600 * SECOND_NS) for hours in (0, 1, 2)
    )
    empty = next(at for at in range(NOON, NOON + 3600 * SECOND_NS, SECOND_NS) if at not in set(seconds_of))
    books.publish(NAME, "1s", wrong, revision=1, volume=Decimal("0.5"))
    books.publish(NAME, "1s", twice)
    books.publish(NAME, "1s", empty)
    books.publish(NAME, "1d", NOON - NOON % (86_400 * SECOND_NS), revision=1, high=Decimal(5_000))
    books.feed.send(0, trade(late_in, "900", symbol=books.feed.symbol(NAME), trade_id="after the job's end"))
    books.feed.flush()

    report = books.audit([NAME])
    lost = {key(books, resolution, late_in): "differing" for resolution in DEFAULT}
    assert {each.key: each.kind for each in report.findings} == lost | {
        key(books, "1s", wrong): "differing",
        key(books, "1s", twice): "twice",
        key(books, "1s", empty): "unexpected",
    }
    (found,) = [each for each in report.findings if each.key == key(books, "1s", late_in)]
    assert "after the job's end" in [each["trade_id"] for each in found.trades]
    assert report.accounted == report.messages
