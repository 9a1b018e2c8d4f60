"""A capture of Binance across midnight, in the order of its arrival, through broker and candle job."""

import json
import lzma
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from deploy import paths
from deploy.stack import Stack
from jobs import topics
from services.oracle import expected_candles
from tests.integration.candle_job import CandleJob, Feed, settings
from tests.integration.candle_output import Output
from tests.services.tape import trade

pytestmark = [pytest.mark.integration, pytest.mark.thorough]

DATA = paths.ROOT.parent / "shared" / "data" / "binance-spot-2024-08-08"
RESOLUTIONS = ("1s", "1m", "15m", "1h", "1d")
MILLI_NS = 1_000_000


def captured(symbol: str) -> Iterator[tuple[int, Any]]:
    """(receive time in nanoseconds, message) of the trades; a line is `<receive time> <json>`."""
    with lzma.open(DATA / f"{symbol}.ndjson.xz", "rt") as lines:
        for line in lines:
            received, _, message = line.partition(" ")
            said = json.loads(message)
            if said.get("stream") == f"{symbol}@trade":
                yield int(received), said["data"]


@pytest.mark.skipif(not DATA.exists(), reason="the capture is not here")
def test_every_candle_of_the_capture_is_that_of_the_recomputation_and_no_trade_is_unexplained(stack: Stack) -> None:
    arrived = sorted(
        (received, each["s"], each) for symbol in ("btcusdt", "ethusdt") for received, each in captured(symbol)
    )
    for symbol in ("BTCUSDT", "ETHUSDT"):
        ids = [each["t"] for _, name, each in arrived if name == symbol]
        assert ids == list(range(ids[0], ids[0] + len(ids)))  # the venue's own count: none missing, none twice
    assert len(arrived) == 34_419
    assert sum(each["T"] * MILLI_NS > received for received, _, each in arrived) > 30_000  # its clock runs ahead

    feed = Feed(stack)
    tape = []
    for received, symbol, each in arrived:
        record = trade(
            each["T"] * MILLI_NS,
            symbol=feed.symbol(symbol),
            venue="BINANCE",
            trade_id=str(each["t"]),
            sequence=each["t"],
            ts_recv=received,
            price=each["p"],
            size=each["q"],
        )
        feed.send(("BTCUSDT", "ETHUSDT").index(symbol), record)
        tape.append(record)
    feed.flush()
    chosen = settings(stack, feed, resolutions=",".join(RESOLUTIONS), stop_offsets=feed.stop_offsets)
    topics.prepare(chosen, "candles")
    with CandleJob.submit(stack, chosen) as job, Output(stack, chosen, feed) as output:
        job.await_end(120)
        output.read_to_end()
    expected = expected_candles(tape, RESOLUTIONS)
    assert output.counts() == {"in candles": 34_419, "duplicates": 0, "late or changes": 0, "rejected": 0}
    verdict = output.verdict(expected.candles)
    assert verdict.holds, verdict.summary()
    days = {key.window_start for key in expected.candles if key.resolution == "1d"}
    assert len(days) == 2
    assert sum(candle.volume for key, candle in expected.candles.items() if key.resolution == "1d") == sum(
        (Decimal(each["q"]) for _, _, each in arrived), Decimal(0)
    )
