"""Words are a signal or they are not: in between there is nothing."""

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.signals.said import NotUnderstoodError, Words, understand

SPACES = st.text(" \t\n", min_size=1, max_size=3)
DIRECTIONS = st.sampled_from(["buy", "sell", "close"])
SYMBOLS = st.from_regex(r"[A-Z0-9][A-Z0-9._=/-]{0,31}", fullmatch=True)
CONFIDENCES = st.none() | st.decimals(0, 1, places=12)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("BUY BTC 0.8", Words("buy", "BTC", Decimal("0.8"))),
        ("sell $ETH", Words("sell", "ETH", None)),
        ("close ETH-USD", Words("close", "ETH-USD", None)),
        ("  Buy\t$es=f\n.5 ", Words("buy", "es=f", Decimal("0.5"))),
        ("sell BRK.B 1", Words("sell", "BRK.B", Decimal(1))),
    ],
)
def test_what_is_understood(text: str, words: Words) -> None:
    assert understand(text) == words


@pytest.mark.parametrize(
    "text",
    [
        "",
        "BTC",
        "buy",
        "buyBTC",
        "don't buy BTC",
        "buy BTC 0.8 now",
        "buy BTC\nor rather sell it",
        "buy BTC 80%",
        "buy BTC -0.5",
        "buy BTC 0,5",
        "buy BTC 1e-1",
        "buy BTC 0.1234567890123",
        "buy BTC ٠.٥",
        "ſell BTC",
        "buy $$BTC",
        "buy BTC ETH",
        "buy " + "A" * 33,
    ],
)
def test_what_is_not(text: str) -> None:
    with pytest.raises(NotUnderstoodError, match=r"^not of the form"):
        understand(text)


@given(
    DIRECTIONS, SYMBOLS, CONFIDENCES, st.sampled_from(["", "$"]), st.lists(SPACES, min_size=4, max_size=4), st.data()
)
def test_a_signal_is_understood_however_it_is_written(
    direction: str, symbol: str, confidence: Decimal | None, sign: str, spaces: list[str], data: st.DataObject
) -> None:
    spelt = "".join(data.draw(st.sampled_from([each, each.upper()])) for each in direction)
    told = "" if confidence is None else f"{spaces[2]}{confidence:f}"
    found = understand(f"{spaces[0]}{spelt}{spaces[1]}{sign}{symbol}{told}{spaces[3]}")
    assert found == Words(direction, symbol, confidence)


@given(DIRECTIONS, SYMBOLS, CONFIDENCES, st.text(min_size=1).filter(lambda text: bool(text.strip(" \t\n\r\f\v"))))
def test_a_signal_with_any_further_word_around_it_is_none(
    direction: str, symbol: str, confidence: Decimal | None, more: str
) -> None:
    told = f"{direction} {symbol} {confidence:f}" if confidence is not None else f"{direction} {symbol} 1"
    for text in (f"{told} {more}", f"{more} {told}"):
        with pytest.raises(NotUnderstoodError):
            understand(text)


@given(st.text())
def test_any_text_is_understood_or_told_why_not(text: str) -> None:
    found = None
    with suppress(NotUnderstoodError):
        found = understand(text)
    assert found is None or found.direction in ("buy", "sell", "close")
