"""What the venues' messages say: by hand, on captures message by message, and with nonsense."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy import paths
from services.feeds import capture
from services.feeds.binance import Binance
from services.feeds.bitstamp import Bitstamp
from services.feeds.coinbase import Coinbase
from services.feeds.gateway import LOST
from services.feeds.kraken import Kraken
from services.feeds.venue import FeedError, RefusedError, Venue, read

DATA = paths.ROOT.parent / "shared" / "data"
CAPTURES = DATA / "exchange-websocket-captures"
RECEIVED = 1_700_000_000_000_000_007

COINBASE = {
    "type": "match",
    "trade_id": 280232,
    "side": "sell",
    "size": "985",
    "price": "0.00001305",
    "product_id": "SKL-BTC",
    "sequence": 177100030,
    "time": "2021-04-17T16:43:37.089723Z",
}
KRAKEN = {
    "channel": "trade",
    "type": "update",
    "data": [
        {
            "symbol": "BTC/USD",
            "side": "buy",
            "price": 60123.1,
            "qty": 0.00012345,
            "ord_type": "limit",
            "trade_id": 4665906,
            "timestamp": "2023-09-25T07:49:37.708706Z",
        }
    ],
}
KRAKEN_1 = [993, [["354.11000000", "0.89594024", "1618678142.557535", "s", "l", ""]], "trade", "XBT/USD"]
BINANCE = {
    "stream": "btcusdt@trade",
    "data": {"e": "trade", "s": "BTCUSDT", "t": 7, "p": "61837.64000000", "q": "1.5", "T": 1723161255208, "m": True},
}
BITSTAMP = {
    "event": "trade",
    "channel": "live_trades_ethusd",
    "data": {
        "id": 216000477,
        "amount_str": "0.07920000",
        "price_str": "3805.44",
        "microtimestamp": "1641343699596000",
        "type": 1,
    },
}


COINBASE_QUOTE = {
    "type": "ticker",
    "sequence": 333938798,
    "product_id": "BAND-GBP",
    "price": "14.7775",
    "best_bid": "14.7550",
    "best_bid_size": "12.5",
    "best_ask": "14.8060",
    "best_ask_size": "0.01",
    "time": "2021-04-17T16:43:37.089723Z",
}
KRAKEN_QUOTE = {
    "channel": "ticker",
    "type": "update",
    "data": [{"symbol": "BTC/USD", "bid": 60123.1, "bid_qty": 740.0, "ask": 60123.2, "ask_qty": 0.44813783}],
}
KRAKEN_1_TICKER = [1668, {"a": ["13.2539", 35, "35.7"], "b": ["13.2329", 185, "185.184"]}, "ticker", "XBT/EUR"]
KRAKEN_1_SPREAD = [0, ["5698.4", "5700", "1542057299.545897", "1.01234567", "0.98765432"], "spread", "XBT/USD"]
BINANCE_QUOTE = {
    "stream": "nknusdt@bookTicker",
    "data": {"u": 499869768, "s": "NKNUSDT", "b": "0.35210000", "B": "672.00000000", "a": "0.3526", "A": "3199"},
}
BITSTAMP_QUOTE = {
    "event": "data",
    "channel": "order_book_ethusd",
    "data": {"microtimestamp": "1641343699596000", "bids": [["3800.71", "1.762"], ["3800", "9"]], "asks": []},
}


def nanoseconds(text: str) -> int:
    """Of a time with microseconds."""
    at = datetime.fromisoformat(text)
    return int(at.replace(microsecond=0).timestamp()) * 10**9 + at.microsecond * 1_000


@pytest.mark.parametrize(
    ("venue", "message", "symbol", "trade_id", "sequence", "ts_event", "price", "size", "aggressor"),
    [
        (Coinbase(), COINBASE, "SKL-BTC.COINBASE", "280232", 280232, 1618677817089723000, "0.00001305", "985", "buy"),
        (Kraken(), KRAKEN, "BTC-USD.KRAKEN", "4665906", 4665906, 1695628177708706000, "60123.1", "0.00012345", "buy"),
        (Kraken(), KRAKEN_1, "BTC-USD.KRAKEN", None, None, 1618678142557535000, "354.11", "0.89594024", "sell"),
        (Binance(), BINANCE, "BTC-USDT.BINANCE", "7", 7, 1723161255208000000, "61837.64", "1.5", "sell"),
        (Bitstamp(), BITSTAMP, "ETH-USD.BITSTAMP", "216000477", None, 1641343699596000000, "3805.44", "0.0792", "sell"),
    ],
    ids=["coinbase", "kraken", "kraken 1", "binance", "bitstamp"],
)
def test_a_trade_is_read_exactly(
    venue: Venue,
    message: Any,
    symbol: str,
    trade_id: str | None,
    sequence: int | None,
    ts_event: int,
    price: str,
    size: str,
    aggressor: str,
) -> None:
    (found,) = read(venue, json.dumps(message), RECEIVED).trades
    assert (found["symbol"], found["venue"], found["trade_id"], found["sequence"]) == (
        symbol,
        venue.name,
        trade_id,
        sequence,
    )
    assert (found["ts_event"], found["ts_recv"]) == (ts_event, RECEIVED)
    assert (found["price"], found["size"], found["aggressor"]) == (Decimal(price), Decimal(size), aggressor)


@pytest.mark.parametrize(
    ("venue", "message", "symbol", "sequence", "ts_event", "bid", "ask"),
    [
        (
            Coinbase(),
            COINBASE_QUOTE,
            "BAND-GBP.COINBASE",
            333938798,
            1618677817089723000,
            ("14.755", "12.5"),
            ("14.806", "0.01"),
        ),
        (Kraken(), KRAKEN_QUOTE, "BTC-USD.KRAKEN", None, RECEIVED, ("60123.1", "740"), ("60123.2", "0.44813783")),
        (
            Kraken(),
            KRAKEN_1_SPREAD,
            "BTC-USD.KRAKEN",
            None,
            1542057299545897000,
            ("5698.4", "1.01234567"),
            ("5700", "0.98765432"),
        ),
        (
            Kraken(),
            KRAKEN_1_TICKER,
            "BTC-EUR.KRAKEN",
            None,
            RECEIVED,
            ("13.2329", "185.184"),
            ("13.2539", "35.7"),
        ),
        (Binance(), BINANCE_QUOTE, "NKN-USDT.BINANCE", 499869768, RECEIVED, ("0.3521", "672"), ("0.3526", "3199")),
        (Bitstamp(), BITSTAMP_QUOTE, "ETH-USD.BITSTAMP", None, 1641343699596000000, ("3800.71", "1.762"), (None, None)),
    ],
    ids=["coinbase", "kraken", "kraken 1 spread", "kraken 1 ticker", "binance", "bitstamp"],
)
def test_a_quote_is_read_exactly(
    venue: Venue,
    message: Any,
    symbol: str,
    sequence: int | None,
    ts_event: int,
    bid: tuple[str | None, str | None],
    ask: tuple[str | None, str | None],
) -> None:
    told = read(venue, json.dumps(message), RECEIVED)
    (found,) = told.quotes
    assert told.trades == []
    assert (found["symbol"], found["venue"], found["sequence"]) == (symbol, venue.name, sequence)
    assert (found["ts_event"], found["ts_recv"]) == (ts_event, RECEIVED)
    values = [None if each is None else Decimal(each) for each in (*bid, *ask)]
    assert [found["bid_price"], found["bid_size"], found["ask_price"], found["ask_size"]] == values


def test_a_number_with_a_fraction_is_the_decimal_that_was_written() -> None:
    """A double would make 0.1 of 0.1000000000000000055."""
    text = json.dumps(KRAKEN).replace("60123.1", "0.100000000001")
    assert read(Kraken(), text, RECEIVED).trades[0]["price"] == Decimal("0.100000000001")


@pytest.mark.parametrize(
    ("venue", "refusal", "why"),
    [
        (Coinbase(), {"type": "error", "message": "Failed", "reason": "X-Y is not a valid product"}, "not a valid"),
        (Kraken(), {"method": "subscribe", "success": False, "error": "Currency pair not supported"}, "not supported"),
        (Binance(), {"error": {"code": 2, "msg": "Invalid request"}, "id": 1}, "Invalid request"),
        (Bitstamp(), {"event": "bts:error", "data": {"code": 4009, "message": "no channel"}}, "no channel"),
    ],
    ids=["coinbase", "kraken", "binance", "bitstamp"],
)
def test_what_a_venue_refuses_is_an_error_with_its_words(venue: Venue, refusal: Any, why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        read(venue, json.dumps(refusal), RECEIVED)


def is_coinbase(said: Any) -> bool:
    return said["type"] in ("match", "last_match")


def is_kraken(said: Any) -> bool:
    return isinstance(said, list) and said[-2] == "trade"


def is_bitstamp(said: Any) -> bool:
    return bool(said["event"] == "trade")


def is_binance(said: Any) -> bool:
    return str(said.get("stream", "")).endswith("@trade")


@pytest.mark.parametrize(
    ("file", "venue", "is_trade", "count"),
    [
        (CAPTURES / "COINBASE.ws.28.0.xz", Coinbase(), is_coinbase, 107),
        (CAPTURES / "KRAKEN.ws.48.0.xz", Kraken(), is_kraken, 8),
        (CAPTURES / "KRAKEN.ws.50.0.xz", Kraken(), is_kraken, 0),
        (CAPTURES / "BITSTAMP.ws.1.0.xz", Bitstamp(), is_bitstamp, 10),
        (CAPTURES / "BINANCE.ws.1.0.xz", Binance(), is_binance, 0),
        (DATA / "binance-spot-2024-08-08" / "btcusdt.ndjson.xz", Binance(), is_binance, 19_904),
    ],
    ids=["coinbase", "kraken trades", "kraken books", "bitstamp", "binance streams", "binance trades"],
)
def test_every_trade_of_a_capture_is_found_and_nothing_else_is_one(
    file: Path, venue: Venue, is_trade: Callable[[Any], bool], count: int
) -> None:
    if not file.exists():
        pytest.skip("the capture is not here")
    messages = [line.message for line in capture.lines(file)]
    found = [len(read(venue, message, RECEIVED).trades) for message in messages]
    told = [is_trade(json.loads(message)) for message in messages]
    assert [bool(each) for each in found] == told
    assert sum(told) == count


@pytest.mark.parametrize(
    ("file", "venue", "is_quote", "count"),
    [
        (CAPTURES / "COINBASE.ws.28.0.xz", Coinbase(), lambda said: said["type"] == "ticker", None),
        (CAPTURES / "KRAKEN.ws.49.0.xz", Kraken(), lambda said: isinstance(said, list), None),
        (CAPTURES / "BITSTAMP.ws.1.0.xz", Bitstamp(), lambda said: False, 0),
        (CAPTURES / "BINANCE.ws.1.0.xz", Binance(), lambda said: "bookTicker" in said["stream"], None),
        (
            DATA / "binance-spot-2024-08-08" / "btcusdt.ndjson.xz",
            Binance(),
            lambda said: "bookTicker" in said.get("stream", ""),
            None,
        ),
    ],
    ids=["coinbase", "kraken tickers", "bitstamp", "binance streams", "binance quotes"],
)
def test_every_quote_of_a_capture_is_found_and_crossed_by_none(
    file: Path, venue: Venue, is_quote: Callable[[Any], bool], count: int | None
) -> None:
    if not file.exists():
        pytest.skip("the capture is not here")
    messages = [line.message for line in capture.lines(file)]
    found = [read(venue, message, RECEIVED).quotes for message in messages]
    told = [is_quote(json.loads(message)) for message in messages]
    assert [bool(each) for each in found] == told
    assert count is None or sum(told) == count
    assert count == 0 or any(told)
    for each in found:
        for quote in each:
            assert (quote["bid_price"] or 0) < (quote["ask_price"] or Decimal("Infinity"))


def test_the_trades_of_the_captures_have_the_values_of_their_messages() -> None:
    file = CAPTURES / "COINBASE.ws.28.0.xz"
    if not file.exists():
        pytest.skip("the capture is not here")
    for line in capture.lines(file):
        said = json.loads(line.message)
        for found in read(Coinbase(), line.message, line.received_ns).trades:
            assert found["symbol"] == f"{said['product_id']}.COINBASE"
            assert (found["price"], found["size"]) == (Decimal(said["price"]), Decimal(said["size"]))
            assert (found["trade_id"], found["sequence"]) == (str(said["trade_id"]), said["trade_id"])
            assert found["ts_event"] == nanoseconds(said["time"])
            assert found["ts_recv"] == line.received_ns > 1_618_677_000 * 10**9


VENUES = [
    (Coinbase(), COINBASE),
    (Kraken(), KRAKEN),
    (Kraken(), KRAKEN_1),
    (Binance(), BINANCE),
    (Bitstamp(), BITSTAMP),
    (Coinbase(), COINBASE_QUOTE),
    (Kraken(), KRAKEN_QUOTE),
    (Kraken(), KRAKEN_1_SPREAD),
    (Binance(), BINANCE_QUOTE),
    (Bitstamp(), BITSTAMP_QUOTE),
]
KNOWN: st.SearchStrategy[tuple[Venue, Any]] = st.sampled_from(VENUES)
FLAT: st.SearchStrategy[tuple[Venue, Any]] = st.sampled_from([VENUES[0], VENUES[3]])
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(st.data())
def test_nonsense_is_told_as_such_and_never_anything_else(data: st.DataObject) -> None:
    venue, message = data.draw(KNOWN)
    text = json.dumps(data.draw(ANY | st.just(message)))
    if data.draw(st.booleans()):
        text = text[: data.draw(st.integers(0, len(text)))]
    with suppress(FeedError):
        for found in read(venue, text, RECEIVED).trades:
            assert found["price"] == found["price"].quantize(Decimal("1e-12"))


@given(st.data())
def test_a_trade_of_which_one_value_is_nonsense_is_nonsense(data: st.DataObject) -> None:
    venue, message = data.draw(FLAT)
    broken = json.loads(json.dumps(message))
    told = broken.get("data", broken)
    name = data.draw(st.sampled_from([each for each in told if each in ("price", "size", "time", "p", "q", "T")]))
    told[name] = data.draw(st.none() | st.text(alphabet="abc:-", max_size=5) | st.lists(st.integers()))
    with pytest.raises(FeedError, match=venue.name):
        read(venue, json.dumps(broken), RECEIVED)


def test_what_is_recorded_is_read_again(tmp_path: Path) -> None:
    lines = [capture.Line(RECEIVED, '{"a": 1}'), capture.Line(RECEIVED + 1, '[2, "x y"]')]
    for name in ("plain.ndjson", "packed.ndjson.xz"):
        recorder = capture.Recorder(tmp_path / name)
        for line in lines:
            recorder.write(line)
        recorder.close()
        assert list(capture.lines(tmp_path / name)) == lines


def test_a_line_without_a_time_is_named(tmp_path: Path) -> None:
    file = tmp_path / "broken"
    file.write_text(f"{RECEIVED} {{}}\nyesterday {{}}\n")
    with pytest.raises(ValueError, match=f"{file}:2: begins with no receive time"):
        list(capture.lines(file))


def test_a_capture_that_cannot_be_written_is_told_and_is_no_lost_connection(tmp_path: Path) -> None:
    recorder = capture.Recorder(Path("/dev/full"))
    with pytest.raises(capture.CaptureError, match=r"^/dev/full: No space left on device$"):
        recorder.write(capture.Line(RECEIVED, "a message" * 10_000))
    with pytest.raises(capture.CaptureError, match="No such file or directory"):
        capture.Recorder(tmp_path / "nowhere" / "kraken.ndjson")
    assert not issubclass(capture.CaptureError, LOST)
