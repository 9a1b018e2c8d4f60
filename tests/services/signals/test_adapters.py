"""What the services deliver is read as what was said; what is no signal is told apart, and why."""

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from schemas.models import Signal
from services.signals.adapter import Outcome
from services.signals.intake import _content
from services.signals.said import NotUnderstoodError
from services.signals.telegram import Telegram
from tests.services.signals.deliveries import SAID_NS, SECRET, adapters, body, headers, payload, signature

LATER_NS = SAID_NS + 3_600 * 10**9
SECOND_NS = 10**9


def signal(name: str, delivered: bytes) -> Signal:
    adapter, content = adapters()[name], _content(delivered)
    identity = adapter.identity(headers(adapter, delivered), content)
    assert identity
    return adapter.signal(content, adapter.signal_id(identity), LATER_NS)


def refusal(name: str, delivered: bytes) -> tuple[str, str]:
    """The rule that is broken, and the reason."""
    with pytest.raises(NotUnderstoodError) as refused:
        signal(name, delivered)
    return refused.value.rule, str(refused.value)


def test_the_signature_of_the_tests_is_that_of_the_specification() -> None:
    told = signature("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', SECRET)
    assert told == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_webhook() -> None:
    assert signal("alerts", body()) == Signal(
        signal_id="webhook/alerts/msg_1",
        source="webhook/alerts",
        author="desk",
        symbol="BTC-USD",
        direction="buy",
        confidence=Decimal("0.8"),
        ts_event=SAID_NS + 1,
        ts_recv=LATER_NS,
        text="broke out",
    )


def test_a_webhook_may_leave_out_confidence_and_text_and_give_numbers_as_json_has_them() -> None:
    assert (signal("alerts", body(confidence=None)).confidence, signal("alerts", body(text=None)).text) == (None, None)
    assert signal("alerts", body(confidence=0.1)).confidence == Decimal("0.1")
    assert signal("alerts", body(ts_event=SAID_NS)).ts_event == SAID_NS


@pytest.mark.parametrize(
    ("changed", "rule", "reason"),
    [
        ({"author": None}, "shape", "author: Field required"),
        ({"author": "a" * 129}, "shape", "author: String should have at most 128 characters"),
        ({"direction": "hold"}, "shape", "direction: Input should be 'buy', 'sell' or 'close'"),
        ({"symbol": "DOGE"}, "symbol", "DOGE is none of BTC, BTC-USD, ETH, ETH-USD"),
        ({"confidence": "1.000000000001"}, "shape", "confidence: Input should be less than or equal to 1"),
        ({"confidence": -0.1}, "shape", "confidence: Input should be greater than or equal to 0"),
        ({"confidence": "0.1234567890123"}, "shape", "does not fit decimal(38, 12) exactly"),
        ({"confidence": float("nan")}, "shape", "is no exact number"),
        ({"ts_event": "2026-01-05T14:30:00"}, "shape", "has no zone"),
        ({"ts_event": LATER_NS + 300 * SECOND_NS + 1}, "time", f"received at {LATER_NS} ns"),
        ({"ts_event": 0}, "time", "said at 0 ns"),
        ({"text": "a" * 1_001}, "shape", "text: String should have at most 1000 characters"),
        ({"author": "\ud800"}, "shape", "author: Input should be a valid string"),
        ({"leverage\u00e9": 3}, "shape", r"leverage\xe9: Extra inputs are not permitted"),
    ],
)
def test_a_webhook_that_is_no_signal_names_what_is_wrong(changed: dict[str, Any], rule: str, reason: str) -> None:
    found = refusal("alerts", body(**changed))
    assert found[0] == rule
    assert reason in found[1]


def test_a_message_to_a_telegram_bot() -> None:
    assert signal("desk", payload("telegram_message")) == Signal(
        signal_id="telegram/desk/728914002",
        source="telegram/desk/-1001803112904",
        author="5300182411",
        symbol="BTC-USD",
        direction="buy",
        confidence=Decimal("0.8"),
        ts_event=SAID_NS,
        ts_recv=LATER_NS,
        text="BUY BTC 0.8",
    )


def test_a_post_in_a_telegram_channel_is_said_by_the_channel() -> None:
    found = signal("desk", payload("telegram_channel_post"))
    assert (found.direction, found.symbol, found.confidence) == ("sell", "ETH-USD", None)
    assert found.source == f"telegram/desk/{found.author}" == "telegram/desk/-1001987654321"


def test_the_caption_of_a_picture_is_its_text() -> None:
    found = signal("desk", payload("telegram_photo"))
    assert (found.direction, found.symbol, found.text) == ("close", "ETH-USD", "close ETH-USD")


def test_a_confidence_beyond_1_is_not_guessed_at() -> None:
    told = payload("telegram_message").replace(b"0.8", b"80")
    assert refusal("desk", told) == ("confidence", "confidence: Input should be less than or equal to 1")


@pytest.mark.parametrize(
    ("name", "rule"),
    [("telegram_edited_message", "edited"), ("telegram_chatter", "text"), ("telegram_joined", "text")],
)
def test_an_edit_and_what_else_people_say_on_telegram_is_no_signal(name: str, rule: str) -> None:
    assert refusal("desk", payload(name))[0] == rule


def test_a_command_on_a_discord_server() -> None:
    assert signal("server", payload("discord_command")) == Signal(
        signal_id="discord/server/1457742938627899392",
        source="discord/server/645027906669510667",
        author="53908232506183680",
        symbol="BTC-USD",
        direction="buy",
        confidence=Decimal("0.65"),
        ts_event=SAID_NS + 123_000_000,
        ts_recv=LATER_NS,
        text="buy BTC 0.65",
    )


def test_a_command_in_a_direct_message_on_discord() -> None:
    found = signal("server", payload("discord_direct_message"))
    assert (found.author, found.direction, found.symbol, found.confidence) == (
        "53908232506183680",
        "close",
        "ETH-USD",
        None,
    )


def test_another_command_is_no_signal_and_is_kept_without_its_token() -> None:
    told, adapter = payload("discord_other_command"), adapters()["server"]
    assert refusal("server", told)[0] == "command"
    assert {**json.loads(told), "token": ""} == json.loads(adapter.kept(told))


def test_a_ping_is_answered_and_nothing_else() -> None:
    adapter = adapters()["server"]
    assert adapter.greeting(_content(payload("discord_ping"))) == {"type": 1}
    assert adapter.greeting(_content(payload("discord_command"))) is None


def test_each_service_is_answered_in_its_own_way() -> None:
    taken, refused = Outcome("id"), Outcome("id", "why")
    answers = {name: (each.answer(taken), each.answer(refused)) for name, each in adapters().items()}
    assert answers["alerts"] == ((200, {"signal_id": "id"}), (422, {"signal_id": "id", "detail": "why"}))
    assert answers["desk"] == ((200, {}), (200, {"detail": "why"}))
    told = answers["server"][1][1]
    assert (told["type"], told["data"]) == (4, {"content": "Not taken: why", "flags": 64})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@examples(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the secrets do not change
@given(
    st.sampled_from(["alerts", "desk", "server"]),
    st.sampled_from(["telegram_message", "telegram_channel_post", "discord_command", "discord_direct_message", ""]),
    st.data(),
)
def test_whatever_a_service_may_deliver_is_a_signal_or_is_told_what_it_is_not(
    name: str, like: str, data: st.DataObject
) -> None:
    """A payload in which something, however deep, is something else."""
    content = json.loads(payload(like) if like else body())
    place = content
    while isinstance(place, dict) and place:
        key = data.draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or data.draw(st.booleans()):
            place[key] = data.draw(json_values)
            break
        place = place[key]
    delivered = json.dumps(content).encode()
    adapter, read = adapters()[name], _content(delivered)
    identity = adapter.identity(headers(adapter, delivered), read)
    found = None
    with suppress(NotUnderstoodError):
        found = adapter.signal(read, adapter.signal_id(identity or "0"), LATER_NS)
    assert found is None or found.symbol in ("BTC-USD", "ETH-USD")


@pytest.mark.parametrize("text", ["", "[" * 60_000, "1" * 5_000, "\x00", '"\\ud800"', "{", "9" * 4_000])
def test_what_is_not_json_or_too_much_of_it_is_no_signal(text: str) -> None:
    assert refusal("alerts", text.encode())[0] == "shape"


@pytest.mark.parametrize("number", [True, -1, 2**63, "7", None, 1.5])
def test_an_update_without_a_number_has_no_id(number: Any) -> None:
    assert Telegram.identity(None, {}, {"update_id": number}) is None  # type: ignore[arg-type]
